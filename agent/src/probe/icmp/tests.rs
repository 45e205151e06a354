use nix::errno::Errno;

use super::*;

fn denied() -> io::Error {
    io::Error::from_raw_os_error(Errno::EACCES as i32)
}

#[test]
fn a_raw_socket_is_chosen_only_when_a_datagram_one_is_not_permitted() {
    assert_eq!(choose(|_| Ok(())).unwrap(), SocketKind::Datagram);
    let raw = choose(|kind| match kind {
        SocketKind::Datagram => Err(denied()),
        SocketKind::Raw => Ok(()),
    });
    assert_eq!(raw.unwrap(), SocketKind::Raw);
    let neither = choose(|_| Err(denied()));
    assert_eq!(neither.unwrap_err().0, Reason::NotPermitted);
    let no_files = choose(|kind| match kind {
        SocketKind::Datagram => Err(io::Error::from_raw_os_error(Errno::EMFILE as i32)),
        SocketKind::Raw => Ok(()),
    });
    assert_eq!(no_files.unwrap_err().0, Reason::NoResource);
}

#[tokio::test]
async fn without_permission_a_check_is_not_measured() {
    let pingers = Pingers::new(|_, _| Err(denied()), 1);
    let expected = Answer::Unmeasured(Reason::NotPermitted);
    assert_eq!(pingers.ask("127.0.0.1".parse().unwrap()).await, expected);
    assert_eq!(pingers.ask("::1".parse().unwrap()).await, expected);
}

/// Where neither kind of socket is permitted the answer must say so; where one is, loopback must answer.
#[tokio::test]
async fn loopback_answers_where_a_socket_is_permitted() {
    let pingers = Pingers::new(open_socket, 0x4d56);
    let permitted = choose(|kind| open_socket(Family::Ipv4, kind)).is_ok();
    let answer = pingers.ask("127.0.0.1".parse().unwrap()).await;
    match answer {
        Answer::Reached { rtt } => assert!(permitted && rtt < Duration::from_secs(1), "{rtt:?}"),
        Answer::Unmeasured(reason) => assert_eq!((permitted, reason), (false, Reason::NotPermitted)),
        Answer::Failed(_) | Answer::Resolved { .. } | Answer::Unresolved { .. } | Answer::Agent(_) => {
            panic!("{answer:?}")
        }
    }
}

#[test]
fn only_an_echo_reply_is_a_reply() {
    let rtt = Duration::from_millis(1);
    let check = |family, icmp_type, icmp_code, expected| {
        assert_eq!(judge_message(family, icmp_type, icmp_code, rtt), expected);
    };
    check(Family::Ipv4, 0, 0, Answer::Reached { rtt });
    check(Family::Ipv6, 129, 0, Answer::Reached { rtt });
    check(Family::Ipv4, 3, 1, Answer::Failed(Cause::NoRoute));
    check(Family::Ipv4, 11, 0, Answer::Failed(Cause::NoRoute));
    check(Family::Ipv6, 1, 3, Answer::Failed(Cause::NoRoute));
    let rejected = |icmp_type, icmp_code| Answer::Failed(Cause::Rejected { icmp_type, icmp_code });
    check(Family::Ipv4, 3, 13, rejected(3, 13));
    check(Family::Ipv6, 1, 1, rejected(1, 1));
}

#[tokio::test]
async fn without_a_descriptor_or_memory_a_check_is_not_measured_and_soon_tried_again() {
    let out_of = |errno: Errno| io::Error::from_raw_os_error(errno as i32);
    assert_eq!(choose(|_| Err(out_of(Errno::ENFILE))).unwrap_err().0, Reason::NoResource);
    assert_eq!(choose(|_| Err(out_of(Errno::ENOMEM))).unwrap_err().0, Reason::NoResource);
    let pingers = Pingers::new(|_, _| Err(io::Error::from_raw_os_error(Errno::ENFILE as i32)), 1);
    let expected = Answer::Unmeasured(Reason::NoResource);
    for address in ["127.0.0.1", "::1"] {
        assert_eq!(pingers.ask(address.parse().unwrap()).await, expected);
        assert_eq!(pingers.ask_afresh(address.parse().unwrap()).await, expected);
    }
    let State::Closed { until, .. } = *pingers.ipv4.sockets().state() else { panic!("it is closed") };
    assert!(until <= now() + REOPEN_SOON);
}
