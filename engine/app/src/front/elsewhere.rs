//! Answers that are kept elsewhere: addresses are asked from time to time, and the shelf is filled anew when one says
//! something else. (Files among them are watched like packs.)

use std::sync::Arc;

use tokio::task::JoinSet;

use super::Shelf;
use crate::config::Config;
use crate::knowledge;

/// Asks each address whenever it is due. Ends when it is dropped.
pub(super) async fn keep(config: Arc<Config>, shelf: Arc<Shelf>) {
    let mut asking = JoinSet::new();
    for number in 0..config.knowledge.len() {
        let (config, shelf) = (config.clone(), shelf.clone());
        asking.spawn(async move {
            let Some(source) = config.knowledge.get(number).filter(|source| source.url.is_some()) else { return };
            let mut due = tokio::time::interval(source.every.0);
            loop {
                due.tick().await;
                match knowledge::fetch(&config, source).await {
                    Ok(true) => {
                        let shelf = shelf.clone();
                        // A panic there is said by the runtime; the old answers stay.
                        let _ = tokio::task::spawn_blocking(move || shelf.reload()).await;
                    }
                    Ok(false) => {}
                    Err(error) => tracing::warn!("{error:#}; what was kept before stays"),
                }
            }
        });
    }
    while asking.join_next().await.is_some() {}
}
