//! A mail server that does as it is told: over loopback, with or without TLS, and with every fault at every step.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::support::certificates::{Authority, Identity};

/// Where a conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Greeting,
    Hello,
    Starttls,
    Login,
    Sender,
    Recipient,
    /// The server is asked to take the text.
    Data,
    /// The text has been sent, and is there.
    Text,
}

/// What the server does at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// What a good server does.
    Well,
    /// Answers this instead.
    Says(&'static str),
    /// Answers nothing, and holds the line.
    Nothing,
    /// Closes the connection.
    HangsUp,
    /// Takes the text, and closes the connection before it says so.
    TakesAndHangsUp,
}

/// What the server does at each step of a message to somebody; nobody is known before the recipient is named.
type Script = Box<dyn Fn(Step, &str) -> Does + Send + Sync>;

/// How it speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Not at all; it does not offer it either.
    None,
    Starttls,
    FromTheFirstByte,
    /// It offers STARTTLS, and then speaks no TLS.
    Broken,
}

/// What a server has heard.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// Every line of every client, outside of texts.
    pub lines: Vec<String>,
    /// Every text that was taken.
    pub mail: Vec<Received>,
    /// Connections, with those that went no further.
    pub connections: usize,
}

/// A message as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    pub from: String,
    pub to: String,
    /// As it was sent, with dots unstuffed.
    pub text: String,
    pub over_tls: bool,
    pub logged_in: bool,
}

pub const USER: &str = "cognate";
pub const PASSWORD: &str = "hunter2-hunter2";

/// The server.
#[derive(Clone)]
pub struct MailServer {
    pub address: SocketAddr,
    state: Arc<State>,
}

struct State {
    tls: Tls,
    acceptor: TlsAcceptor,
    script: Mutex<Script>,
    heard: Mutex<Heard>,
}

impl MailServer {
    /// A server with a certificate of this authority, that does everything well.
    pub async fn start(tls: Tls, authority: &Authority) -> Self {
        Self::with_certificate(tls, &authority.server()).await
    }

    pub async fn with_certificate(tls: Tls, identity: &Identity) -> Self {
        let chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes()).collect::<Result<_, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            tls,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            script: Mutex::new(Box::new(|_, _| Does::Well)),
            heard: Mutex::default(),
        });
        let server = MailServer { address, state: state.clone() };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                state.heard.lock().unwrap().connections += 1;
                tokio::spawn(serve(stream, state.clone()));
            }
        });
        server
    }

    /// From now on it does this.
    pub fn does(&self, script: impl Fn(Step, &str) -> Does + Send + Sync + 'static) {
        *self.state.script.lock().unwrap() = Box::new(script);
    }

    /// From now on it does this at one step, and all else well.
    pub fn does_at(&self, step: Step, does: Does) {
        self.does(move |at, _| if at == step { does } else { Does::Well });
    }

    pub fn heard(&self) -> Heard {
        self.state.heard.lock().unwrap().clone()
    }

    pub fn mail(&self) -> Vec<Received> {
        self.heard().mail
    }
}

/// One that takes part in a conversation, encrypted or not.
trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

async fn serve(stream: TcpStream, state: Arc<State>) {
    if state.tls == Tls::FromTheFirstByte {
        if let Ok(stream) = state.acceptor.accept(stream).await {
            converse(Box::new(stream), &state, true).await;
        }
        return;
    }
    let Some(stream) = converse(Box::new(stream), &state, false).await else { return };
    if state.tls == Tls::Broken {
        let mut stream = BufReader::new(stream);
        let _ = stream.write_all(b"this is no TLS\r\n").await;
        let _ = stream.read_until(b'\n', &mut Vec::new()).await;
    } else if let Ok(stream) = state.acceptor.accept(stream).await {
        converse(Box::new(stream), &state, true).await;
    }
}

/// Speaks until the end, or until TLS is to begin: then the connection is given back.
async fn converse(stream: Box<dyn Wire>, state: &State, is_encrypted: bool) -> Option<Box<dyn Wire>> {
    let stream = BufReader::new(stream);
    let [from, to, text] = [(); 3].map(|()| String::new());
    let mut talk = Conversation { stream, state, is_encrypted, logged_in: false, from, to, text };
    // A client that has just begun to speak TLS is not greeted again.
    if !(is_encrypted && state.tls == Tls::Starttls) {
        talk.answers(Step::Greeting, "220 mail.example.com ESMTP").await?;
    }
    loop {
        let line = talk.line().await?;
        match line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase().as_str() {
            "EHLO" => {
                let offer = talk.offer();
                talk.answers(Step::Hello, offer).await?;
            }
            "STARTTLS" => {
                if talk.answers(Step::Starttls, "220 2.0.0 go ahead").await? {
                    return Some(talk.stream.into_inner());
                }
            }
            "AUTH" => {
                let plain = BASE64_STANDARD.encode(format!("\0{USER}\0{PASSWORD}"));
                let is_known = line == format!("AUTH PLAIN {plain}");
                let answer = if is_known { "235 2.7.0 welcome" } else { "535 5.7.8 who are you" };
                talk.logged_in = talk.answers(Step::Login, answer).await? && is_known;
            }
            "MAIL" => {
                talk.from = address(&line);
                talk.answers(Step::Sender, "250 2.1.0 fine").await?;
            }
            "RCPT" => {
                talk.to = address(&line);
                talk.answers(Step::Recipient, "250 2.1.5 fine").await?;
            }
            "DATA" => {
                if talk.answers(Step::Data, "354 go ahead").await? {
                    talk.text().await?;
                    talk.answers(Step::Text, "250 2.0.0 taken").await?;
                }
            }
            "NOOP" | "RSET" => talk.say("250 2.0.0 fine").await?,
            "QUIT" => {
                talk.say("221 2.0.0 bye").await?;
                return None;
            }
            _ => talk.say("500 5.5.1 what").await?,
        }
    }
}

struct Conversation<'a> {
    stream: BufReader<Box<dyn Wire>>,
    state: &'a State,
    is_encrypted: bool,
    logged_in: bool,
    from: String,
    to: String,
    text: String,
}

impl Conversation<'_> {
    fn offer(&self) -> &'static str {
        match self.state.tls {
            Tls::Starttls | Tls::Broken if !self.is_encrypted => {
                "250-mail.example.com\r\n250-STARTTLS\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN"
            }
            _ => "250-mail.example.com\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN",
        }
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.ok().filter(|length| *length > 0)?;
        let line = line.strip_suffix("\r\n")?.to_owned();
        self.state.heard.lock().unwrap().lines.push(line.clone());
        Some(line)
    }

    /// Reads a text up to the dot that ends it.
    async fn text(&mut self) -> Option<()> {
        self.text.clear();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).await.ok().filter(|length| *length > 0)?;
            if line == ".\r\n" {
                return Some(());
            }
            self.text.push_str(line.strip_prefix('.').unwrap_or(&line));
        }
    }

    /// Does what the script says. Gives whether it was the good answer; nothing when the conversation is over.
    async fn answers(&mut self, step: Step, good: &str) -> Option<bool> {
        let does = (self.state.script.lock().unwrap())(step, &self.to);
        if step == Step::Text && matches!(does, Does::Well | Does::TakesAndHangsUp) {
            self.state.heard.lock().unwrap().mail.push(Received {
                from: self.from.clone(),
                to: self.to.clone(),
                text: self.text.clone(),
                over_tls: self.is_encrypted,
                logged_in: self.logged_in,
            });
        }
        match does {
            Does::Well => self.say(good).await.map(|()| true),
            Does::Says(other) => self.say(other).await.map(|()| false),
            Does::Nothing => {
                while self.line().await.is_some() {}
                None
            }
            Does::HangsUp | Does::TakesAndHangsUp => None,
        }
    }

    async fn say(&mut self, what: &str) -> Option<()> {
        self.stream.write_all(format!("{what}\r\n").as_bytes()).await.ok()?;
        self.stream.flush().await.ok()
    }
}

/// What stands between angle brackets.
fn address(line: &str) -> String {
    line.split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map(|(address, _)| address)
        .unwrap_or_default()
        .to_owned()
}
