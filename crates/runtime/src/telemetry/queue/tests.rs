use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

/// A reader that takes a line when it is told to, and hands it on.
struct Slow {
    go: Receiver<()>,
    read: Sender<Vec<u8>>,
}

impl Write for Slow {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // An error means that the test is over.
        self.go.recv().map_err(io::Error::other)?;
        self.read.send(line.to_vec()).map_err(io::Error::other)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn slow() -> (Slow, Sender<()>, Receiver<Vec<u8>>) {
    let (go, wait) = channel();
    let (read, lines) = channel();
    (Slow { go: wait, read }, go, lines)
}

#[test]
fn who_logs_does_not_wait_for_a_reader_that_does_not_read_and_memory_stays_bounded() {
    static LOST: AtomicU64 = AtomicU64::new(0);
    static TOLD: AtomicU64 = AtomicU64::new(0);
    let (out, go, read) = slow();
    let lines = Lines::start(out, &LOST, |lost| {
        TOLD.fetch_add(lost, Ordering::SeqCst);
    })
    .unwrap();
    let line = vec![b'x'; 1_000];
    let fit = QUEUE_BYTES_MAX / line.len();
    for _ in 0..10_000 {
        lines.push(line.clone());
    }
    assert_eq!(LOST.load(Ordering::SeqCst), 10_000 - fit as u64);
    assert!(lines.shared.queue().bytes <= QUEUE_BYTES_MAX);
    assert!(!lines.flush(Duration::from_millis(10)), "without a reader");
    for _ in 0..fit {
        go.send(()).unwrap();
        assert_eq!(read.recv().unwrap(), line);
    }
    assert!(lines.flush(Duration::from_mins(1)));
    // It is told once the reader has caught up by half.
    assert_eq!(TOLD.load(Ordering::SeqCst), LOST.load(Ordering::SeqCst));
    lines.push(line.clone());
    go.send(()).unwrap();
    assert_eq!(read.recv().unwrap(), line, "the log goes on");
}

#[test]
fn lines_are_written_in_order_and_one_that_is_too_long_is_cut() {
    static LOST: AtomicU64 = AtomicU64::new(0);
    let (out, go, read) = slow();
    let lines = Lines::start(out, &LOST, |_| {}).unwrap();
    lines.push(vec![b'x'; QUEUE_BYTES_MAX + 1]);
    go.send(()).unwrap();
    assert_eq!(read.recv().unwrap().len(), QUEUE_BYTES_MAX);
    assert!(lines.flush(Duration::from_mins(1)));
    for number in 0..3 {
        let mut writer = LineWriter::new(Some(lines.clone()));
        write!(writer, "line {number}").unwrap();
        write!(writer, " whole").unwrap();
        drop(writer);
        go.send(()).unwrap();
    }
    for number in 0..3 {
        assert_eq!(read.recv().unwrap(), format!("line {number} whole").into_bytes());
    }
    assert_eq!(LOST.load(Ordering::SeqCst), 0);
}

#[test]
fn a_log_that_cannot_be_written_counts_its_lines_as_lost_and_ends_nothing() {
    static LOST: AtomicU64 = AtomicU64::new(0);
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::start(Closed, &LOST, |_| panic!("it would have no reader")).unwrap();
    for _ in 0..3 {
        lines.push(b"line".to_vec());
    }
    assert!(lines.flush(Duration::from_mins(1)));
    assert_eq!(LOST.load(Ordering::SeqCst), 3);
}
