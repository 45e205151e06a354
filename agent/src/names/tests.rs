use super::*;

#[test]
fn the_file_is_read_again_when_it_changes_and_only_its_beginning() {
    let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    let system = System::new(path.to_path_buf(), NAME_SERVER_PORT);
    std::fs::write(&path, "nameserver 10.0.0.1\n").unwrap();
    let before = system.current().unwrap();
    assert!(Arc::ptr_eq(&before, &system.current().unwrap()), "an unchanged file is not read");
    let long = format!("nameserver 10.0.0.2\n{}\nnameserver 10.0.0.3\n", "#".repeat(SYSTEM_FILE_MAX));
    std::fs::write(&path, long).unwrap();
    assert_eq!(system.current().unwrap().servers, [IpAddr::from([10, 0, 0, 2])]);
}

#[test]
fn a_pipe_in_the_place_of_the_file_holds_nothing_up() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("resolv.conf");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(System::new(pipe, NAME_SERVER_PORT).current().is_none());
}
