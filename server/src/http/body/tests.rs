use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_bomb_stops_at_the_decoded_limit() {
    assert_eq!(gunzip(&gzip(&[b' '; 1000]), 1000).unwrap().len(), 1000);
    assert_eq!(gunzip(&gzip(&[b' '; 1001]), 1000), Err(Fault::TooLarge(1000)));
    let whole = gzip(b"{}");
    assert!(matches!(gunzip(&whole[..whole.len() - 4], 1000), Err(Fault::BadBody(_))));
    assert!(matches!(gunzip(b"not gzip", 1000), Err(Fault::BadBody(_))));
}

#[test]
fn depth_counts_brackets_outside_of_strings() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(refuse_deep(&nested(DEPTH_MAX)).is_ok());
    assert!(refuse_deep(&nested(DEPTH_MAX + 1)).is_err());
    assert!(refuse_deep(&"[".repeat(1_000_000)).is_err());
    assert!(refuse_deep(&format!("{:?}", "[".repeat(100))).is_ok());
    assert!(refuse_deep(&format!("\"\\\"{}\"", "[".repeat(100))).is_ok());
    assert!(refuse_deep(&format!("\"\\\\\"{}", "[".repeat(100))).is_err());
    assert!(refuse_deep(&"[]".repeat(100)).is_ok());
}
