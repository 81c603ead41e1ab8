//! A command's lines: once for as long as it runs, or again and again.
//!
//! Start at [`run`]. There is no checkpoint: what a command writes cannot be read again. A command that is run again and
//! again is never run twice at a time, and a run that takes too long is ended.

use std::sync::Arc;
use std::time::Duration;

use heinzel_core::block::{Block, Checkpoint, Health, Shape, StreamId};
use heinzel_core::time::Span;
use heinzel_process::How;
use heinzel_process::stream::{StreamCommand, stream};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::error::{SourceError, unless_closed};
use crate::feed::Feed;
use crate::lines::{BLOCK_BYTES, LINE_LIMIT, Lines};
use crate::settings::{Common, Exec};
use crate::supervisor::chain;

/// Reads a command's lines until it is told to stop, or the command has ended well and is to run only once.
///
/// # Errors
/// When a command that is run once cannot be started, or ends with anything but 0; the end of its stderr is in the message.
/// One that is run again and again is shown as broken until a run ends well.
pub(crate) async fn run(
    feed: Feed,
    common: Common,
    settings: Exec,
    checkpoints: Vec<Checkpoint>,
) -> Result<(), SourceError> {
    drop((common, checkpoints));
    unless_closed(follow(&feed, &settings).await)
}

async fn follow(feed: &Feed, settings: &Exec) -> Result<(), SourceError> {
    let mut reader = Reader {
        feed,
        command: StreamCommand { argv: settings.argv.clone(), environment: Vec::new() },
        stream: Arc::from(settings.argv.join(" ")),
        offset: 0,
        healthy: false,
    };
    let Some(again) = settings.again else {
        // Like a socket's, what it writes has no past: what is there to read is read as it comes.
        feed.caught_up().await?;
        return reader.run(None).await.map(drop);
    };
    // Zero would run it without a rest, and is not a valid interval.
    let mut ticks = interval(again.interval.max(Duration::from_millis(100)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut owes_caught_up = true;
    loop {
        tokio::select! {
            () = feed.stop.cancelled() => return Ok(()),
            _ = ticks.tick() => {}
        }
        match reader.run(Some(again.timeout)).await {
            Ok(Over::Ended) if std::mem::take(&mut owes_caught_up) => feed.caught_up().await?,
            Ok(Over::Ended) => {}
            Ok(Over::Stopped) => return Ok(()),
            Ok(Over::TooLate) => (reader.healthy, owes_caught_up) = (false, true),
            Err(SourceError::Closed(closed)) => return Err(closed.into()),
            // How often it may run is the operator's word: a supervisor would run it again sooner, or later.
            Err(error) => {
                (reader.healthy, owes_caught_up) = (false, true);
                let why = format!("{}; it is run again every {}", chain(&error), Span(again.interval));
                feed.health(None, Health::Degraded { why }).await?;
            }
        }
    }
}

/// How a run came to its end without an error.
enum Over {
    Ended,
    Stopped,
    TooLate,
}

struct Reader<'a> {
    feed: &'a Feed,
    command: StreamCommand,
    stream: StreamId,
    offset: u64,
    healthy: bool,
}

impl Reader<'_> {
    /// Runs the command once, for at most `timeout`, and hands over its lines as they come.
    async fn run(&mut self, timeout: Option<Duration>) -> Result<Over, SourceError> {
        let program = self.command.argv.first().cloned().unwrap_or_default();
        let mut running = stream(&self.command)?;
        let late = timeout.map(|timeout| Instant::now() + timeout);
        if late.is_none() {
            self.is_well().await?;
        }
        let (mut chunk, mut lines, mut bytes) = (Vec::new(), Lines::new(LINE_LIMIT), Vec::new());
        loop {
            chunk.clear();
            let read = tokio::select! {
                biased;
                () = self.feed.stop.cancelled() => {
                    let _ = running.stop().await;
                    return Ok(Over::Stopped);
                }
                // Before the reading: a command may also write without end.
                () = sleep_until(late.unwrap_or_else(Instant::now)), if late.is_some() => {
                    self.send(&mut bytes, &mut lines).await?;
                    // Said before it is ended: what hangs in the kernel (a dead NFS server) does not end, and no second run begins
                    // beside it.
                    self.is_late(timeout.unwrap_or_default(), &running.stderr()).await?;
                    let _ = running.stop().await;
                    return Ok(Over::TooLate);
                }
                read = running.read(&mut chunk) => {
                    read.map_err(SourceError::io(format!("read what {program} writes")))?
                }
                // Nothing more is there at this moment: no line waits for the next.
                () = std::future::ready(()), if !bytes.is_empty() => {
                    self.send(&mut bytes, &mut lines).await?;
                    continue;
                }
            };
            let mut take = |line: &[u8]| {
                bytes.extend_from_slice(line);
                bytes.push(b'\n');
            };
            if read == 0 {
                lines.finish(take);
                break;
            }
            lines.push(&chunk, &mut take);
            if bytes.len() >= BLOCK_BYTES {
                self.send(&mut bytes, &mut lines).await?;
            }
        }
        self.send(&mut bytes, &mut lines).await?;
        let (how, stderr) = running.end().await.map_err(SourceError::io(format!("wait for {program}")))?;
        if how == How::Exit(0) {
            self.is_well().await?;
            return Ok(Over::Ended);
        }
        self.healthy = false;
        let said = last_words(&stderr);
        let how = match how {
            How::Exit(code) => format!("ended with exit code {code}"),
            How::Signal(signal) => format!("was ended by signal {signal}"),
            How::TimedOut => "closed its stdout and did not end".to_owned(),
        };
        Err(SourceError::Broken(format!("run {program}: it {how}; {said}")))
    }

    /// Not an error of the source, which would be shown as well again while the next run hangs.
    async fn is_late(&self, timeout: Duration, stderr: &str) -> Result<(), SourceError> {
        let why = format!(
            "run {}: it took longer than {} s and is ended; {}. If it needs longer, say `timeout`",
            self.command.argv.join(" "),
            timeout.as_secs_f32(),
            last_words(stderr)
        );
        Ok(self.feed.health(None, Health::Degraded { why }).await?)
    }

    async fn is_well(&mut self) -> Result<(), SourceError> {
        if !std::mem::replace(&mut self.healthy, true) {
            self.feed.health(None, Health::Ok).await?;
        }
        Ok(())
    }

    async fn send(&mut self, bytes: &mut Vec<u8>, lines: &mut Lines) -> Result<(), SourceError> {
        let cut = lines.take_cut();
        if cut > 0 {
            self.feed.counted("line_cut", cut).await?;
        }
        if bytes.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::take(bytes);
        let offset = self.offset;
        self.offset += bytes.len() as u64;
        let block = Block {
            source: self.feed.source.clone(),
            stream: self.stream.clone(),
            offset,
            bytes,
            shape: Shape::Lines,
            checkpoint: None,
            read_at: (self.feed.now)(),
            ack: None,
        };
        Ok(self.feed.block(block).await?)
    }
}

fn last_words(stderr: &str) -> String {
    if stderr.is_empty() { "it wrote nothing to stderr".to_owned() } else { format!("it said: {stderr}") }
}

#[cfg(test)]
mod tests {
    use heinzel_core::block::{Delivery, Notice};
    use heinzel_core::parse::Format;
    use heinzel_core::time::Timestamp;
    use tokio::sync::mpsc;
    use tokio::time::timeout;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::settings::{Again, Start};

    struct Outcome {
        text: String,
        health: Vec<Health>,
        counted: Vec<(&'static str, u64)>,
        result: Result<(), SourceError>,
    }

    /// Runs a script until `enough` bytes have come, or it ends.
    async fn outcome(script: &str, interval: Option<Duration>, enough: usize) -> Outcome {
        let timeout = Duration::from_secs(60);
        outcome_of(script, interval.map(|interval| Again { interval, timeout }), enough).await
    }

    fn common() -> Common {
        Common {
            name: "e".into(),
            format: Format::Plain,
            zone: None,
            start: Start::End,
            program: None,
            customers: false,
        }
    }

    async fn outcome_of(script: &str, again: Option<Again>, enough: usize) -> Outcome {
        let (out, mut inlet) = mpsc::channel(16);
        let stop = CancellationToken::new();
        let feed = Feed::new("e".into(), out, Arc::new(|| Timestamp::EPOCH), stop.clone());
        let settings = Exec { argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(), again };
        let task = tokio::spawn(async move { run(feed, common(), settings, vec![]).await });
        let mut all = Outcome { text: String::new(), health: Vec::new(), counted: Vec::new(), result: Ok(()) };
        while let Some(delivery) = timeout(Duration::from_secs(30), inlet.recv()).await.expect("nothing came") {
            match delivery {
                Delivery::Block(block) => {
                    assert_eq!((block.shape, block.bytes.last()), (Shape::Lines, Some(&b'\n')));
                    all.text.push_str(&String::from_utf8_lossy(&block.bytes));
                }
                Delivery::Notice(Notice::Health { health, .. }) => all.health.push(health),
                Delivery::Notice(Notice::Counted { what, times, .. }) => all.counted.push((what, times)),
                Delivery::Notice(Notice::Complaint { .. } | Notice::CaughtUp { .. }) => {}
            }
            if all.text.len() >= enough {
                stop.cancel();
            }
        }
        all.result = task.await.unwrap();
        all
    }

    #[tokio::test]
    async fn a_command_that_ends_well_has_ended() {
        let all = outcome("echo a; printf b", None, usize::MAX).await;
        assert_eq!((all.text.as_str(), all.health), ("a\nb\n", vec![Health::Ok]));
        all.result.unwrap();
    }

    #[tokio::test]
    async fn a_failing_command_says_why() {
        let all = outcome("echo a; echo no database >&2; exit 7", None, usize::MAX).await;
        let text = all.result.unwrap_err().to_string();
        assert!(text.contains("/bin/sh") && text.contains("exit code 7") && text.contains("no database"), "{text}");
        assert_eq!(all.text, "a\n");
    }

    #[tokio::test]
    async fn colours_are_taken_out() {
        let all = outcome("printf '\\033[1;31mFAULT\\033[0m id=1\\n'", None, usize::MAX).await;
        assert_eq!(all.text, "FAULT id=1\n");
    }

    #[tokio::test]
    async fn lines_come_while_it_runs() {
        let all = outcome("echo first; exec sleep 1000", None, 1).await;
        assert_eq!(all.text, "first\n");
        all.result.unwrap();
    }

    #[tokio::test]
    async fn again_and_again() {
        let all = outcome("echo x", Some(Duration::from_millis(1)), 6).await;
        assert_eq!(all.text, "x\nx\nx\n");
        all.result.unwrap();
    }

    #[tokio::test]
    async fn a_run_that_fails_is_shown_and_does_not_change_the_interval() {
        let folder = tempfile::tempdir().unwrap();
        let marks = folder.path().display();
        // The first three runs fail.
        let script = format!(
            "echo x >>{marks}/runs; n=$(wc -l <{marks}/runs); echo $n; [ $n -gt 3 ] || {{ echo no database >&2; exit 7; }}"
        );
        let all = outcome(&script, Some(Duration::from_millis(1)), "1\n2\n3\n4\n5\n".len()).await;
        all.result.unwrap();
        assert!(all.text.starts_with("1\n2\n3\n4\n"), "{}", all.text);
        let [Health::Degraded { why }, .., Health::Ok] = &all.health[..] else { panic!("{:?}", all.health) };
        assert!(why.contains("exit code 7") && why.contains("no database") && why.contains("again every 1ms"), "{why}");
    }

    #[tokio::test]
    async fn a_run_that_takes_too_long_is_ended_with_its_group_and_shown_until_one_ends_well() {
        let folder = tempfile::tempdir().unwrap();
        let marks = folder.path().display();
        // The first run hangs, in a child too; the second, which finds its mark, does not.
        let script = format!(
            "if [ -e {marks}/1 ]; then echo well; exit 0; fi; touch {marks}/1; echo begun; echo stuck >&2; sleep 1000 & echo $! >{marks}/pid; wait"
        );
        let again = Again { interval: Duration::from_millis(1), timeout: Duration::from_millis(500) };
        let all = outcome_of(&script, Some(again), "begun\nwell\nwell\n".len()).await;
        all.result.unwrap();
        assert!(all.text.starts_with("begun\nwell\n"), "{}", all.text);
        let [Health::Degraded { why }, Health::Ok] = &all.health[..] else { panic!("{:?}", all.health) };
        assert!(why.contains("longer than 0.5 s") && why.contains("stuck") && why.contains("`timeout`"), "{why}");
        let pid = std::fs::read_to_string(folder.path().join("pid")).unwrap();
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        assert!(stat.is_err() || stat.unwrap().contains(") Z "), "the child of the run lives on");
    }

    #[tokio::test]
    async fn a_run_that_does_not_let_itself_be_ended_is_shown_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let script = format!("trap '' TERM; echo $$ >{}; while :; do sleep 1000; done", pid.display());
        let (out, mut inlet) = mpsc::channel(16);
        let stop = CancellationToken::new();
        let feed = Feed::new("e".into(), out, Arc::new(|| Timestamp::EPOCH), stop.clone());
        let again = Again { interval: Duration::from_secs(60), timeout: Duration::from_millis(500) };
        let settings = Exec { argv: vec!["/bin/sh".into(), "-c".into(), script], again: Some(again) };
        let task = tokio::spawn(async move { run(feed, common(), settings, vec![]).await });
        let told = timeout(Duration::from_secs(30), inlet.recv()).await.expect("nothing came").unwrap();
        let Delivery::Notice(Notice::Health { health: Health::Degraded { .. }, .. }) = told else { panic!("not late") };
        let number = std::fs::read_to_string(&pid).unwrap();
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", number.trim()));
        assert!(stat.is_ok_and(|stat| !stat.contains(") Z ")), "it was said only when it had ended");
        stop.cancel();
        task.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_line_without_end_is_cut_and_counted() {
        let all = outcome("head -c 1000000 /dev/zero; echo; echo next", None, usize::MAX).await;
        assert_eq!((all.text.len(), all.counted), (LINE_LIMIT + 1 + 5, vec![("line_cut", 1)]));
    }
}
