use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use heinzel_core::block::{Block, Shape};
use heinzel_core::time::Timestamp;
use tokio::sync::mpsc;

use super::*;

#[derive(Debug, thiserror::Error)]
#[error("read {0}")]
struct Broken(&'static str, #[source] std::io::Error);

fn seat(room: usize) -> (Seat, mpsc::Receiver<Delivery>) {
    let (out, deliveries) = mpsc::channel(room);
    let seat = Seat {
        source: Arc::from("web"),
        out: out.into(),
        now: Arc::new(|| Timestamp::EPOCH),
        stop: CancellationToken::new(),
    };
    (seat, deliveries)
}

fn broken() -> Broken {
    Broken("the thing", std::io::Error::other("it is gone"))
}

async fn next_health(deliveries: &mut mpsc::Receiver<Delivery>) -> Health {
    loop {
        match deliveries.recv().await {
            Some(Delivery::Notice(Notice::Health { health, .. })) => return health,
            Some(_) => {}
            None => panic!("the supervisor ended"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_source_is_restarted_with_doubling_waits_up_to_a_minute() {
    let (seat, mut deliveries) = seat(64);
    let stop = seat.stop.clone();
    let starts = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = starts.clone();
    let task = tokio::spawn(supervise(seat, Vec::new(), move |_feed, _| {
        seen.lock().unwrap().push(Instant::now());
        async { Err::<(), _>(broken()) }
    }));
    assert_eq!(next_health(&mut deliveries).await, Health::Ok);
    for _ in 0..9 {
        let Health::Degraded { why } = next_health(&mut deliveries).await else { panic!("not degraded") };
        assert!(why.contains("read the thing: it is gone"), "{why}");
    }
    let waits: Vec<u64> =
        starts.lock().unwrap().windows(2).map(|two| (two[1] - two[0]).as_secs_f64().round() as u64).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_long_healthy_run_resets_the_wait_and_a_restart_shows_well_again() {
    let (seat, mut deliveries) = seat(64);
    let stop = seat.stop.clone();
    let task = tokio::spawn(supervise(seat, Vec::new(), move |_feed, _| async {
        tokio::time::sleep(Duration::from_secs(61)).await;
        Err::<(), _>(broken())
    }));
    assert_eq!(next_health(&mut deliveries).await, Health::Ok);
    for _ in 0..3 {
        let Health::Degraded { why } = next_health(&mut deliveries).await else { panic!("not degraded") };
        assert!(why.ends_with("trying again in 1 s"), "{why}");
        assert_eq!(next_health(&mut deliveries).await, Health::Ok);
    }
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_shown_and_the_source_restarted() {
    let (seat, mut deliveries) = seat(64);
    let runs = Arc::new(AtomicUsize::new(0));
    let count = runs.clone();
    let task = tokio::spawn(supervise(seat, Vec::new(), move |_feed, _| {
        let run = count.fetch_add(1, Ordering::SeqCst);
        async move {
            assert!(run > 0, "first run panics");
            Ok::<(), Broken>(())
        }
    }));
    assert_eq!(next_health(&mut deliveries).await, Health::Ok);
    let Health::Degraded { why } = next_health(&mut deliveries).await else { panic!("not degraded") };
    assert!(why.contains("first run panics"), "{why}");
    assert_eq!(next_health(&mut deliveries).await, Health::Ended);
    task.await.unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_on_from_what_was_handed_over_last() {
    let (seat, mut deliveries) = seat(64);
    let mark = |state: &str| Checkpoint { source: "web".into(), stream: "a".into(), state: state.into() };
    let given = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = given.clone();
    let task = tokio::spawn(supervise(seat, vec![mark("1")], move |feed, checkpoints| {
        let run = seen.lock().unwrap().len();
        seen.lock().unwrap().push(checkpoints);
        async move {
            if run == 2 {
                return Ok(());
            }
            let block = Block {
                source: feed.source.clone(),
                stream: "a".into(),
                offset: 0,
                bytes: b"x\n".to_vec(),
                shape: Shape::Lines,
                checkpoint: Some(Checkpoint {
                    source: "web".into(),
                    stream: "a".into(),
                    state: if run == 0 { "2".into() } else { "".into() },
                }),
                read_at: Timestamp::EPOCH,
                ack: None,
            };
            feed.block(block).await.unwrap();
            Err(broken())
        }
    }));
    while deliveries.recv().await.is_some() {}
    task.await.unwrap();
    assert_eq!(*given.lock().unwrap(), [vec![mark("1")], vec![mark("2")], vec![]]);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_failed_run_hands_over_nothing() {
    let (seat, mut deliveries) = seat(64);
    let stop = seat.stop.clone();
    let left = Arc::new(std::sync::Mutex::new(Vec::new()));
    let keep = left.clone();
    let task = tokio::spawn(supervise(seat, Vec::new(), move |feed, _| {
        keep.lock().unwrap().push(feed);
        async { Err::<(), _>(broken()) }
    }));
    while !matches!(next_health(&mut deliveries).await, Health::Degraded { .. }) {}
    let first = left.lock().unwrap()[0].clone();
    assert_eq!(first.caught_up().await, Err(crate::feed::Closed));
    let notice = Delivery::Notice(Notice::CaughtUp { source: first.source.clone() });
    assert!(first.try_hand(notice).is_err());
    stop.cancel();
    task.await.unwrap();
    assert!(!matches!(deliveries.try_recv(), Ok(Delivery::Notice(Notice::CaughtUp { .. }))));
}

#[tokio::test(start_paused = true)]
async fn stop_ends_the_wait_at_once_and_a_deaf_source_after_a_while() {
    let (waiting, mut deliveries) = seat(64);
    let stop = waiting.stop.clone();
    let task = tokio::spawn(supervise(waiting, Vec::new(), |_feed, _| async { Err::<(), _>(broken()) }));
    while !matches!(next_health(&mut deliveries).await, Health::Degraded { .. }) {}
    let before = Instant::now();
    stop.cancel();
    task.await.unwrap();
    assert!(before.elapsed() < Duration::from_millis(100));

    let (deaf, _deliveries) = seat(64);
    let stop = deaf.stop.clone();
    let task = tokio::spawn(supervise(deaf, Vec::new(), |_feed, _| std::future::pending::<Result<(), Broken>>()));
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_failing_source_does_not_touch_another() {
    let (bad, mut bad_news) = seat(64);
    let (good, mut good_news) = seat(64);
    let stops = [bad.stop.clone(), good.stop.clone()];
    let tasks = [
        tokio::spawn(supervise(bad, Vec::new(), |_feed, _| async { Err::<(), _>(broken()) })),
        tokio::spawn(supervise(good, Vec::new(), |feed, _| async move {
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_secs(10)).await;
                feed.caught_up().await.unwrap();
            }
            feed.stop.cancelled().await;
            Ok::<(), Broken>(())
        })),
    ];
    assert_eq!(next_health(&mut good_news).await, Health::Ok);
    for _ in 0..5 {
        assert!(matches!(good_news.recv().await, Some(Delivery::Notice(Notice::CaughtUp { .. }))));
    }
    while !matches!(next_health(&mut bad_news).await, Health::Degraded { .. }) {}
    stops.iter().for_each(CancellationToken::cancel);
    for task in tasks {
        task.await.unwrap();
    }
}
