//! Somebody on the line: passes everything on, and keeps every byte of both directions.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// The line runs beside the test, which has one thread.
static LINE: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// The bytes of one direction of one connection.
type Tape = Arc<Mutex<Vec<u8>>>;

/// Both directions of one connection: what the caller sent, and what came back.
type Tapes = [Tape; 2];

/// A line to a server that can be exchanged for another.
pub struct Proxy {
    pub address: SocketAddr,
    server: Arc<Mutex<Option<SocketAddr>>>,
    tapes: Arc<Mutex<Vec<Tapes>>>,
}

impl Proxy {
    /// Listens; calls are refused until there is a server.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let listener = listener.into_std().unwrap();
        let server = Arc::<Mutex<Option<SocketAddr>>>::default();
        let tapes = Arc::<Mutex<Vec<Tapes>>>::default();
        let (to, all) = (Arc::clone(&server), Arc::clone(&tapes));
        LINE.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((caller, _)) = listener.accept().await {
                let to = *to.lock().unwrap();
                let tapes = Tapes::default();
                all.lock().unwrap().push(tapes.clone());
                tokio::spawn(async move {
                    if let Some(to) = to
                        && let Ok(server) = TcpStream::connect(to).await
                    {
                        pass_on(caller, server, tapes).await;
                    }
                });
            }
        });
        Self {
            address,
            server,
            tapes,
        }
    }

    /// From now on, calls go to this server.
    pub fn lead_to(&self, server: SocketAddr) {
        *self.server.lock().unwrap() = Some(server);
    }

    /// What callers sent and what came back, connection by connection.
    pub fn tapes(&self) -> Vec<[Vec<u8>; 2]> {
        let tapes = self.tapes.lock().unwrap();
        let read = |tape: &Tape| tape.lock().unwrap().clone();
        tapes
            .iter()
            .map(|[to, from]| [read(to), read(from)])
            .collect()
    }
}

/// Ends both ways as soon as one ends, so that nobody goes on with half a connection.
async fn pass_on(mut caller: TcpStream, mut server: TcpStream, [to, from]: Tapes) {
    let (caller_reads, caller_writes) = caller.split();
    let (server_reads, server_writes) = server.split();
    tokio::select! {
        () = tee(caller_reads, server_writes, to) => {}
        () = tee(server_reads, caller_writes, from) => {}
    }
}

async fn tee(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, tape: Tape) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let read = &buffer[..count];
        tape.lock().unwrap().extend_from_slice(read);
        if to.write_all(read).await.is_err() {
            return;
        }
    }
}
