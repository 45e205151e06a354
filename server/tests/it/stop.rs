//! Start and stop.

use std::time::Duration;

use meshvane_server::app::{App, StartError};
use meshvane_server::config::Config;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{Server, open};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn addresses_are_known_before_anything_runs_and_all_ports_differ() {
    let app = App::bind(open()).await.unwrap();
    let addresses = app.addresses();
    let ports = [addresses.api.port(), addresses.health.port(), addresses.metrics.port()];
    assert!(ports.iter().all(|port| *port != 0));
    assert!(ports[0] != ports[1] && ports[1] != ports[2] && ports[0] != ports[2]);
}

#[tokio::test]
async fn a_taken_port_is_named_by_its_setting() {
    let first = App::bind(open()).await.unwrap();
    let taken = first.addresses().metrics.port();
    match App::bind(Config { metrics_port: taken, ..open() }).await {
        Err(error @ StartError::Listen { .. }) => {
            assert!(
                error.to_string().starts_with("MESHVANE_METRICS_PORT: cannot listen on 127.0.0.1:"),
                "{error}"
            );
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("the port was taken twice"),
    }
}

#[tokio::test]
async fn it_stops_at_once_when_nothing_is_open_and_with_idle_connections() {
    let server = Server::open().await;
    let mut idle = TcpStream::connect(server.addresses.api).await.unwrap();
    server.get("/api/v1/health").await;
    let api = server.addresses.api;
    timeout(PATIENCE, server.stop()).await.unwrap().unwrap();
    assert_eq!(idle.read(&mut [0; 1]).await.unwrap_or(0), 0, "the idle connection is still open");
    assert!(TcpStream::connect(api).await.is_err(), "the port is still open");
}
