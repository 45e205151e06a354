use std::time::Duration;

use super::*;
use crate::names::script::{Asked, By, ONE, Place, Says};

/// What a name server says.
type Script = Box<dyn Fn(&Asked) -> Says + Send + Sync>;

const ADDRESS: [u8; 4] = [192, 0, 2, 1];
/// A name server on this machine answers within milliseconds.
const SOON: Duration = Duration::from_millis(400);

#[expect(clippy::disallowed_methods, reason = "the exchange with a real socket has a limit")]
fn soon() -> Instant {
    Instant::now() + SOON
}

async fn ask_place(place: &Place, conf: &ResolvConf) -> Result<Said, Failure> {
    let name = CompleteName::parse("api.shop.test").unwrap();
    ask(SocketAddr::from((ONE, place.port)), &name, conf, soon()).await
}

async fn ask_one(
    says: impl Fn(&Asked) -> Says + Send + Sync + 'static,
) -> (Result<Said, Failure>, Vec<Asked>) {
    let mut place = Place::new().await;
    place.serve(ONE, says).await;
    let said = ask_place(&place, &ResolvConf::default()).await;
    (said, place.asked())
}

/// The failure in a word or two.
fn shown(said: Result<Said, Failure>) -> String {
    match said {
        Ok(Said::Addresses(addresses)) => format!("{addresses:?}"),
        Ok(Said::Code(code)) => format!("code {code}"),
        Err(Failure::Silent { detail, addresses }) => format!("silent {detail:?} {addresses:?}"),
        Err(Failure::Wrong) => "wrong".to_owned(),
        Err(Failure::Closed) => "closed".to_owned(),
        Err(Failure::Socket { error, detail }) => format!("{:?} {detail:?}", error.kind()),
        Err(Failure::Opening(error) | Failure::Sending(error)) => format!("ours {:?}", error.kind()),
        Err(Failure::Unaskable) => "unaskable".to_owned(),
    }
}

#[tokio::test]
async fn each_way_in_which_a_name_server_fails_is_told_apart() {
    let right = || Says::address(ADDRESS);
    let table: Vec<(&str, Script, &str)> = vec![
        ("all is well", Box::new(move |_| right()), "[192.0.2.1]"),
        ("it knows nothing", Box::new(|_| Says::Code(3)), "code 3"),
        (
            "it fails at AAAA and knows A",
            Box::new(move |asked| if asked.is_a { right() } else { Says::Code(2) }),
            "[192.0.2.1]",
        ),
        (
            "UDP is silent",
            Box::new(move |asked| if asked.by == By::Tcp { right() } else { Says::Nothing }),
            "silent NoUdpAnswer []",
        ),
        (
            "AAAA is dropped",
            Box::new(move |asked| if asked.is_a { right() } else { Says::Nothing }),
            "silent NoIpv6Answer [192.0.2.1]",
        ),
        (
            "A is dropped",
            Box::new(move |asked| if asked.is_a { Says::Nothing } else { right() }),
            "silent NoIpv4Answer []",
        ),
        (
            "truncated, then by TCP",
            Box::new(move |asked| if asked.by == By::Tcp { right() } else { Says::Truncated }),
            "[192.0.2.1]",
        ),
        (
            "TCP is silent",
            Box::new(|asked| if asked.by == By::Tcp { Says::Nothing } else { Says::Truncated }),
            "silent NoTcpAnswer []",
        ),
        (
            "TCP is closed",
            Box::new(|asked| if asked.by == By::Tcp { Says::Close } else { Says::Truncated }),
            "closed",
        ),
        ("TCP is truncated too", Box::new(|_| Says::Truncated), "wrong"),
        ("some wrong answers", Box::new(|_| Says::Foreign(FOREIGN_MAX - 1)), "silent NoUdpAnswer []"),
        ("a flood of wrong answers", Box::new(|_| Says::Foreign(FOREIGN_MAX)), "wrong"),
        ("the answer to another question", Box::new(|_| Says::Another), "silent NoUdpAnswer []"),
        ("an answer that cannot be read", Box::new(|_| Says::Garbled), "wrong"),
    ];
    for (what, script, expected) in table {
        assert_eq!(shown(ask_one(script).await.0), expected, "{what}");
    }
}

#[tokio::test]
async fn a_port_where_nothing_listens_refuses_at_once() {
    let place = Place::new().await;
    let refused = ask_place(&place, &ResolvConf::default()).await;
    assert_eq!(shown(refused), "ConnectionRefused None");
}

#[tokio::test]
async fn tcp_that_is_refused_after_truncation_is_told_as_that() {
    let place = Place::new().await;
    let udp = UdpSocket::bind((ONE, place.port)).await.unwrap();
    let mut serving = tokio::task::JoinSet::new();
    serving.spawn(async move {
        let mut buffer = [0; 512];
        loop {
            let (length, from) = udp.recv_from(&mut buffer).await.unwrap();
            buffer[2] = 0x83;
            udp.send_to(&buffer[..length], from).await.unwrap();
        }
    });
    let refused = ask_place(&place, &ResolvConf::default()).await;
    assert_eq!(shown(refused), "ConnectionRefused Some(NoTcpAnswer)");
}

#[tokio::test]
async fn a_truncated_answer_changes_nothing_for_the_next_question() {
    let mut place = Place::new().await;
    let truncates = std::sync::atomic::AtomicBool::new(true);
    let truncates = std::sync::Arc::new(truncates);
    let script = std::sync::Arc::clone(&truncates);
    place
        .serve(ONE, move |asked| match asked.by {
            By::Tcp => Says::address(ADDRESS),
            By::Udp if script.load(std::sync::atomic::Ordering::SeqCst) => Says::Truncated,
            By::Udp => Says::Nothing,
        })
        .await;
    let conf = ResolvConf::default();
    assert_eq!(shown(ask_place(&place, &conf).await), "[192.0.2.1]");
    // Now UDP dies. A connection that is still used would hide it.
    truncates.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(shown(ask_place(&place, &conf).await), "silent NoUdpAnswer []");
    let by: Vec<By> = place.asked().iter().map(|asked| asked.by).collect();
    assert_eq!(by[4..], [By::Udp; 2], "the first: twice by UDP and twice by TCP");
}

#[tokio::test]
async fn every_question_comes_from_a_port_of_its_own() {
    let mut place = Place::new().await;
    place.serve(ONE, |_| Says::address(ADDRESS)).await;
    for _ in 0..8 {
        ask_place(&place, &ResolvConf::default()).await.unwrap();
    }
    let ports: std::collections::BTreeSet<u16> =
        place.asked().iter().map(|asked| asked.from.port()).collect();
    // The kernel draws them at random: of sixteen, two may meet.
    assert!(ports.len() >= 14, "{ports:?}");
}

#[tokio::test]
async fn use_vc_asks_by_tcp_alone() {
    let mut place = Place::new().await;
    place.serve(ONE, |_| Says::address(ADDRESS)).await;
    let conf = ResolvConf { use_vc: true, ..ResolvConf::default() };
    assert_eq!(shown(ask_place(&place, &conf).await), "[192.0.2.1]");
    assert!(place.asked().iter().all(|asked| asked.by == By::Tcp));
}

#[tokio::test]
async fn an_answer_from_elsewhere_is_none() {
    let mut place = Place::new().await;
    place.serve(ONE, |_| Says::Nothing).await;
    let stranger = UdpSocket::bind((ONE, 0)).await.unwrap();
    let conf = ResolvConf::default();
    let forging = async {
        // Identifiers are guessed for as long as somebody asks.
        loop {
            if let Some(asked) = place.asked().first() {
                for id in 0..64u16 {
                    let forged = [&id.to_be_bytes()[..], &[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]].concat();
                    let _refused = stranger.send_to(&forged, asked.from).await;
                }
            }
            tokio::task::yield_now().await;
        }
    };
    let said = tokio::select! {
        said = ask_place(&place, &conf) => said,
        () = forging => unreachable!("it never ends"),
    };
    assert_eq!(shown(said), "silent NoUdpAnswer []");
}
