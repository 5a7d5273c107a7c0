use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use prost::Message as _;
use proto::v1::Up;
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::{AGENT, Centre};

pub(crate) const PASSWORD: &str = "box-password";
const CENTRE_PASSWORD: &str = "centre-password";
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// A Mosquitto process with TLS, passwords and access lists. Dropping it is a kill -9.
pub(crate) struct Broker {
    pub(crate) tls: SocketAddr,
    /// Without TLS, for the centre's own client and for tests of plain text.
    pub(crate) plain: SocketAddr,
    folder: TempDir,
    process: Child,
}

impl Broker {
    pub(crate) fn start(centre: &Centre) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = centre.authority.server("127.0.0.1");
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("cert.pem", &certificate);
        write("key.pem", &key);
        write(
            "passwords",
            &format!("{AGENT}:{PASSWORD}\ncentre:{CENTRE_PASSWORD}\n"),
        );
        write(
            "acl",
            &format!(
                "user {AGENT}\npattern write vong/v1/agents/%u/batch\n\
                 pattern write vong/v1/agents/%u/status\npattern read vong/v1/agents/%u/ack\n\
                 user centre\ntopic readwrite #\n"
            ),
        );
        let hashed = Command::new("mosquitto_passwd")
            .arg("-U")
            .arg(folder.path().join("passwords"))
            .status()
            .expect("mosquitto_passwd is installed");
        assert!(hashed.success());
        let (tls, plain) = (free_port(), free_port());
        let at = |name: &str| folder.path().join(name).display().to_string();
        write(
            "mosquitto.conf",
            &format!(
                "user root\nper_listener_settings false\nallow_anonymous false\n\
                 password_file {}\nacl_file {}\n\
                 listener {} 127.0.0.1\ncertfile {}\nkeyfile {}\n\
                 listener {} 127.0.0.1\n",
                at("passwords"),
                at("acl"),
                tls.port(),
                at("cert.pem"),
                at("key.pem"),
                plain.port(),
            ),
        );
        let process = launch(folder.path());
        let broker = Self {
            tls,
            plain,
            folder,
            process,
        };
        broker.wait();
        broker
    }

    /// kill -9 and a new start, with nothing in its memory.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.process = launch(self.folder.path());
        self.wait();
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(crate) fn revive(&mut self) {
        self.process = launch(self.folder.path());
        self.wait();
    }

    fn wait(&self) {
        for _ in 0..200 {
            if TcpStream::connect(self.tls).is_ok() && TcpStream::connect(self.plain).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("mosquitto does not listen");
    }

    /// Says this on the agent's ack topic.
    pub(crate) fn publish_ack(&self, payload: Vec<u8>) {
        let file = self.folder.path().join("payload");
        fs::write(&file, payload).unwrap();
        let port = self.plain.port().to_string();
        let sent = Command::new("mosquitto_pub")
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &port,
                "-u",
                "centre",
                "-P",
                CENTRE_PASSWORD,
            ])
            .args([
                "-q",
                "1",
                "-t",
                &format!("vong/v1/agents/{AGENT}/ack"),
                "-f",
            ])
            .arg(&file)
            .status()
            .expect("mosquitto_pub is installed");
        assert!(sent.success());
    }

    /// Lets the centre take and answer what comes, over its own connection, until dropped.
    pub(crate) fn serve(&self, centre: &Centre) -> JoinSet<()> {
        let mut options = MqttOptions::new("centre", "127.0.0.1", self.plain.port());
        options
            .set_credentials("centre", CENTRE_PASSWORD)
            .set_clean_session(true)
            .set_keep_alive(Duration::from_secs(5))
            .set_max_packet_size(MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX);
        let (client, mut events) = AsyncClient::new(options, 64);
        let centre = centre.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        for topic in ["batch", "status"] {
                            let topic = format!("vong/v1/agents/+/{topic}");
                            client.try_subscribe(topic, QoS::AtLeastOnce).unwrap();
                        }
                    }
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        let up = Up::decode(publish.payload).unwrap();
                        if let Some(down) = centre.take(up) {
                            let topic = format!("vong/v1/agents/{AGENT}/ack");
                            let payload = down.encode_to_vec();
                            // Lost when the queue is full: an ack may be.
                            let _sent = client.try_publish(topic, QoS::AtLeastOnce, false, payload);
                        }
                    }
                    Ok(_) => {}
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        });
        tasks
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

fn launch(folder: &Path) -> Child {
    Command::new("mosquitto")
        .arg("-c")
        .arg(folder.join("mosquitto.conf"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .or_else(|_| {
            Command::new("/usr/sbin/mosquitto")
                .arg("-c")
                .arg(folder.join("mosquitto.conf"))
                .spawn()
        })
        .expect("mosquitto is installed")
}

/// Free when it was asked.
pub(crate) fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}
