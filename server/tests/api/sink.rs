//! A mail server that keeps what it gets, and fails as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// The sink's encryption.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tls {
    Never,
    Start,
    Implicit,
}

/// A fault of the sink.
#[derive(Clone, Copy)]
pub(crate) enum Fault {
    /// The answer to this command, or to "." after the mail.
    Says(&'static str, &'static str),
    /// It goes away in the middle of the mail.
    Drops,
    /// It takes connections and says nothing.
    Hangs,
    /// It says nothing to what begins so, until it is told to fail no more.
    HangsAt(&'static str),
}

/// One mail, and how it came.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) encrypted: bool,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Default)]
struct Seen {
    commands: Vec<String>,
    mails: Vec<Taken>,
    fault: Option<Fault>,
    /// Mails whose recipient was named, and that are not taken yet: now, and at most.
    in_hand: usize,
    most_in_hand: usize,
}

pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    /// The authority that vouches for it.
    pub(crate) authority: String,
    seen: Arc<Mutex<Seen>>,
    mended: Arc<Notify>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sink {
    /// A sink whose certificate is for localhost.
    pub(crate) async fn open(tls: Tls) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), tls, "localhost").await
    }

    pub(crate) async fn at(address: SocketAddr, tls: Tls, name: &str) -> Self {
        let (authority, acceptor) = certified(name);
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Seen>>::default();
        let mended = Arc::<Notify>::default();
        let shared = (seen.clone(), mended.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let ((seen, mended), acceptor) = (shared.clone(), acceptor.clone());
                tokio::spawn(async move {
                    // A broken connection is the caller's to notice.
                    let _ = serve(stream, tls, &acceptor, &seen, &mended).await;
                });
            }
        });
        Self {
            address,
            authority,
            seen,
            mended,
            task,
        }
    }

    pub(crate) fn fails(&self, fault: impl Into<Option<Fault>>) {
        self.seen.lock().unwrap().fault = fault.into();
        self.mended.notify_waiters();
    }

    /// The most mails that were in hand at once.
    pub(crate) fn most_in_hand(&self) -> usize {
        self.seen.lock().unwrap().most_in_hand
    }

    /// The mails that were taken to the end.
    pub(crate) fn mails(&self) -> Vec<Taken> {
        self.seen.lock().unwrap().mails.clone()
    }

    /// The count of a command.
    pub(crate) fn count(&self, command: &str) -> usize {
        let seen = self.seen.lock().unwrap();
        let of = |line: &&String| line.starts_with(command);
        seen.commands.iter().filter(of).count()
    }

    /// The last command of this kind, whole.
    pub(crate) fn last(&self, command: &str) -> Option<String> {
        let seen = self.seen.lock().unwrap();
        let of = |line: &&String| line.starts_with(command);
        seen.commands.iter().rfind(of).cloned()
    }
}

/// A new authority as PEM, and a certificate that it made for a name.
fn certified(name: &str) -> (String, TlsAcceptor) {
    let mut of_authority = CertificateParams::new(Vec::new()).unwrap();
    of_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = of_authority.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(of_authority, key);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
        .unwrap();
    (authority, TlsAcceptor::from(Arc::new(config)))
}

async fn serve(
    stream: TcpStream,
    tls: Tls,
    acceptor: &TlsAcceptor,
    seen: &Mutex<Seen>,
    mended: &Notify,
) -> std::io::Result<()> {
    if tls == Tls::Implicit {
        let stream = acceptor.accept(stream).await?;
        return talk(stream, true, false, true, seen, mended)
            .await
            .map(drop);
    }
    let offers = tls == Tls::Start;
    if let Some(stream) = talk(stream, false, offers, true, seen, mended).await? {
        let stream = acceptor.accept(stream).await?;
        talk(stream, true, false, false, seen, mended).await?;
    }
    Ok(())
}

/// Speaks SMTP until the other side goes, or, with the stream as the result, until it wants to encrypt.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    encrypted: bool,
    offers: bool,
    greet: bool,
    seen: &Mutex<Seen>,
    mended: &Notify,
) -> std::io::Result<Option<S>> {
    let mut stream = BufReader::new(stream);
    let fault = seen.lock().unwrap().fault;
    if matches!(fault, Some(Fault::Hangs)) {
        return std::future::pending().await;
    }
    if greet {
        stream.write_all(b"220 sink\r\n").await?;
    }
    let mut mail = Taken {
        encrypted,
        from: String::new(),
        to: String::new(),
        bytes: Vec::new(),
    };
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_owned();
        let command = line.split([' ', ':']).next().unwrap_or_default().to_owned();
        // Made before the command is noted: who sees it there may mend the fault at once.
        let mend = mended.notified();
        {
            let mut seen = seen.lock().unwrap();
            seen.commands.push(line.clone());
            if command == "RCPT" {
                seen.in_hand += 1;
                seen.most_in_hand = seen.most_in_hand.max(seen.in_hand);
            }
        }
        if let Some(Fault::HangsAt(at)) = fault
            && line.starts_with(at)
        {
            mend.await;
        }
        if let Some(Fault::Says(at, reply)) = fault
            && at == command
        {
            stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
            continue;
        }
        let reply = match command.as_str() {
            "EHLO" if offers => "250-sink\r\n250 STARTTLS",
            "EHLO" => "250-sink\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN",
            "STARTTLS" if offers => {
                stream.write_all(b"220 go on\r\n").await?;
                return Ok(Some(stream.into_inner()));
            }
            "AUTH" => "235 welcome",
            "MAIL" => {
                mail.from = line;
                "250 fine"
            }
            "RCPT" => {
                mail.to = line;
                "250 fine"
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                if matches!(fault, Some(Fault::Drops)) {
                    stream.read_line(&mut String::new()).await?;
                    return Ok(None);
                }
                mail.bytes = data(&mut stream).await?;
                match fault {
                    Some(Fault::Says(".", reply)) => reply,
                    _ => {
                        let mut seen = seen.lock().unwrap();
                        seen.in_hand -= 1;
                        seen.mails.push(mail.clone());
                        "250 taken"
                    }
                }
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(None);
            }
            _ => "500 what?",
        };
        stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
}

/// The mail up to the lonely dot.
async fn data(stream: &mut (impl AsyncBufReadExt + Unpin)) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let mut line = Vec::new();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        match line.as_slice() {
            b".\r\n" => return Ok(bytes),
            [b'.', rest @ ..] => bytes.extend(rest),
            line => bytes.extend(line),
        }
    }
}
