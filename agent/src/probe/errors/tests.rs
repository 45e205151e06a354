use super::*;

const US: [Errno; 7] = [
    Errno::EMFILE,
    Errno::ENFILE,
    Errno::ENOBUFS,
    Errno::ENOMEM,
    Errno::EADDRINUSE,
    Errno::EADDRNOTAVAIL,
    Errno::EAGAIN,
];
const THE_WAY: [Errno; 4] = [Errno::ENETUNREACH, Errno::EHOSTUNREACH, Errno::ENETDOWN, Errno::EHOSTDOWN];

fn error(errno: Errno) -> io::Error {
    io::Error::from_raw_os_error(errno as i32)
}

#[test]
fn a_socket_that_cannot_be_had_is_always_about_us() {
    for errno in US.into_iter().chain([Errno::EAFNOSUPPORT, Errno::EPROTONOSUPPORT]) {
        assert_eq!(of_opening(&error(errno)), Reason::NoResource, "{errno}");
    }
    for errno in [Errno::EPERM, Errno::EACCES] {
        assert_eq!(of_opening(&error(errno)), Reason::NotPermitted, "{errno}");
    }
    assert_eq!(of_opening(&io::Error::other("no errno")), Reason::NoResource);
}

#[test]
fn what_stops_a_packet_on_our_machine_is_about_us_and_a_route_is_about_the_network() {
    for errno in US {
        assert_eq!(of_sending(&error(errno)), Some(Answer::Unmeasured(Reason::NoResource)), "{errno}");
        assert_eq!(of_connecting(&error(errno)), Answer::Unmeasured(Reason::NoResource), "{errno}");
    }
    for errno in [Errno::EPERM, Errno::EACCES] {
        assert_eq!(of_sending(&error(errno)), Some(Answer::Unmeasured(Reason::Blocked)), "{errno}");
    }
    for errno in THE_WAY.into_iter().chain([Errno::EINVAL]) {
        assert_eq!(of_sending(&error(errno)), Some(Answer::Failed(Cause::NoRoute)), "{errno}");
        assert_eq!(of_connecting(&error(errno)), Answer::Failed(Cause::NoRoute), "{errno}");
    }
    assert_eq!(of_sending(&error(Errno::EBADF)), None);
}

#[test]
fn what_comes_back_while_a_connection_is_under_way_is_about_the_network() {
    let check = |errno, cause| assert_eq!(of_connecting(&error(errno)), Answer::Failed(cause), "{errno}");
    check(Errno::ECONNREFUSED, Cause::Refused);
    check(Errno::ECONNRESET, Cause::Reset);
    check(Errno::ECONNABORTED, Cause::Reset);
    check(Errno::EPIPE, Cause::Reset);
    check(Errno::ETIMEDOUT, Cause::Timeout);
    // ICMPv6 type 1 codes 1, 5 and 6 become EACCES, other ICMP errors one of these.
    for errno in
        [Errno::EACCES, Errno::ENOPROTOOPT, Errno::EPROTO, Errno::EOPNOTSUPP, Errno::ENONET, Errno::EMSGSIZE]
    {
        check(errno, Cause::NoRoute);
    }
    assert_eq!(of_connecting(&error(Errno::EPERM)), Answer::Unmeasured(Reason::Blocked));
    assert_eq!(of_connecting(&error(Errno::EBADF)), Answer::Unmeasured(Reason::NoResource));
}
