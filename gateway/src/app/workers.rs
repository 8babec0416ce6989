//! The data plane's threads: one current-thread runtime per core, each with its
//! own descriptor of every listener. No work moves between them, so the byte
//! path needs no lock.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::time::MissedTickBehavior;

use crate::proxy::accept::{self, Via};
use crate::proxy::server::Gateway;

/// Every worker beats this often for the kernel half.
const BEAT_EVERY: Duration = Duration::from_millis(500);

/// Age of the last beat of any worker at which the kernel counts the gateway as
/// hung: ten beats of all workers missed. The longest that a worker works
/// without a pause is one request body, milliseconds; the rest is room for a
/// machine that has no time for us.
pub const HEARTBEAT_MAX: Duration = Duration::from_secs(5);

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Running.
    No,
    /// Nothing new is accepted; calls in work end.
    Drain,
    /// What is left is cut.
    Now,
}

/// Running worker threads.
pub(super) struct Workers {
    count: usize,
    done: mpsc::Receiver<()>,
}

/// Starts one worker per core.
pub(super) fn start(
    gateway: &Arc<Gateway>,
    listeners: Vec<(TcpListener, Via)>,
) -> anyhow::Result<Workers> {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let (tell, done) = mpsc::channel();
    for index in 0..count {
        let mut own = Vec::new();
        for (socket, via) in &listeners {
            let socket = socket.try_clone().context("listener")?;
            socket.set_nonblocking(true).context("listener")?;
            own.push((socket, via.clone()));
        }
        let (gateway, tell) = (gateway.clone(), tell.clone());
        std::thread::Builder::new()
            .name(format!("worker-{index}"))
            .spawn(move || {
                if let Err(error) = work(gateway, own) {
                    tracing::error!("worker {index} ended: {error:#}");
                }
                // Nobody waits any more once the gateway is gone.
                let _ = tell.send(());
            })
            .context("starting a worker")?;
    }
    Ok(Workers { count, done })
}

impl Workers {
    /// Waits for every worker to end; false when `time` was not enough.
    pub(super) fn wait(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        (0..self.count).all(|_| {
            self.done
                .recv_timeout(until.saturating_duration_since(Instant::now()))
                .is_ok()
        })
    }
}

fn work(gateway: Arc<Gateway>, listeners: Vec<(TcpListener, Via)>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = tokio::task::LocalSet::new();
    let mut stop = gateway.stop.clone();
    for (socket, via) in listeners {
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(socket)?
        };
        local.spawn_local(accept::serve(gateway.clone(), listener, via));
    }
    local.spawn_local(beat(gateway.clone()));
    local.block_on(&runtime, async {
        // A closed channel means that the gateway is gone: the end as well.
        let _ = stop.wait_for(|s| *s != Stop::No).await;
        while accept::open_here() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    Ok(())
}

/// Beats while this worker's loop turns. One worker that turns is enough: all
/// of them accept from the same sockets.
async fn beat(gateway: Arc<Gateway>) {
    let Some(maps) = &gateway.maps else {
        return;
    };
    let mut tick = tokio::time::interval(BEAT_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        // Not written, it grows old, which is seen each second.
        let _ = maps.beat();
    }
}
