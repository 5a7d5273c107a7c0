//! The RTSP side: one shared encoding for all clients, on a thread with its own main loop.

use std::thread::JoinHandle;

use anyhow::{Context, Result};
use gstreamer::{glib, prelude::*};
use gstreamer_app::AppSrc;
use gstreamer_rtsp_server::{
    RTSP_PERM_MEDIA_FACTORY_ACCESS, RTSP_PERM_MEDIA_FACTORY_CONSTRUCT,
    RTSP_TOKEN_MEDIA_FACTORY_ROLE, RTSPAuth, RTSPFilterResult, RTSPMediaFactory, RTSPServer,
    RTSPToken, RTSPTransportMode, prelude::*,
};

use super::{CameraOptions, Codec, Feed};

const PATH: &str = "/live";
const ROLE: &str = "viewer";

pub(super) struct Server {
    server: RTSPServer,
    factory: RTSPMediaFactory,
    main_loop: glib::MainLoop,
    thread: Option<JoinHandle<()>>,
    port: u16,
}

impl Server {
    pub(super) fn start(feed: &Feed, options: &CameraOptions) -> Result<Self> {
        let factory = media_factory(feed, options.codec);
        let server = RTSPServer::new();
        server.set_address("127.0.0.1");
        server.set_service(&options.port.to_string());
        server
            .mount_points()
            .context("no mount points")?
            .add_factory(PATH, factory.clone());
        let context = glib::MainContext::new();
        server
            .attach(Some(&context))
            .with_context(|| format!("port {} of 127.0.0.1 cannot be served", options.port))?;
        let port = u16::try_from(server.bound_port()).context("the server has no port")?;
        let main_loop = glib::MainLoop::new(Some(&context), false);
        let thread = std::thread::Builder::new()
            .name("rtsp-camera".into())
            .spawn({
                let main_loop = main_loop.clone();
                move || {
                    // A context of our own cannot be taken by another thread.
                    context.with_thread_default(|| main_loop.run()).ok();
                }
            })?;
        let this = Self {
            server,
            factory,
            main_loop,
            thread: Some(thread),
            port,
        };
        this.set_credentials(options.credentials.as_ref());
        Ok(this)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn set_reachable(&self, reachable: bool) {
        let Some(mounts) = self.server.mount_points() else {
            return;
        };
        if reachable {
            mounts.add_factory(PATH, self.factory.clone());
        } else {
            mounts.remove_factory(PATH);
            self.drop_clients();
        }
    }

    /// Asked from new clients; the present ones are thrown out.
    pub(super) fn set_credentials(&self, credentials: Option<&(String, String)>) {
        let auth = credentials.map(|(user, password)| {
            let auth = RTSPAuth::new();
            let token = RTSPToken::builder()
                .field(RTSP_TOKEN_MEDIA_FACTORY_ROLE, ROLE)
                .build();
            auth.add_basic(&RTSPAuth::make_basic(user, password), &token);
            auth
        });
        self.server.set_auth(auth.as_ref());
        self.drop_clients();
    }

    fn drop_clients(&self) {
        self.server
            .client_filter(Some(&mut |_, _| RTSPFilterResult::Remove));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.drop_clients();
        self.main_loop.quit();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn media_factory(feed: &Feed, codec: Codec) -> RTSPMediaFactory {
    let encoding = match codec {
        Codec::H264 => {
            "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=20 bitrate=2000 \
             threads=1 ! rtph264pay name=pay0 pt=96 config-interval=1"
        }
        Codec::H265 => {
            "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=20 bitrate=2000 ! \
             rtph265pay name=pay0 pt=96 config-interval=1"
        }
        Codec::Mjpeg => "video/x-raw,format=I420 ! jpegenc quality=85 ! rtpjpegpay name=pay0 pt=26",
    };
    let factory = RTSPMediaFactory::new();
    factory.set_launch(&format!(
        "( appsrc name=frames is-live=true do-timestamp=true format=time max-buffers=4 \
         leaky-type=downstream ! videoconvert ! videoscale ! capsfilter name=size ! {encoding} )"
    ));
    factory.set_shared(true);
    factory.set_transport_mode(RTSPTransportMode::PLAY);
    let role = gstreamer::Structure::builder(ROLE)
        .field(RTSP_PERM_MEDIA_FACTORY_ACCESS, true)
        .field(RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, true)
        .build();
    factory.add_role_from_structure(&role);
    let feed = feed.clone();
    factory.connect_media_configure(move |_, media| {
        let bin = media.element().downcast::<gstreamer::Bin>().ok();
        let Some(bin) = bin else { return };
        let frames = bin
            .by_name("frames")
            .and_then(|e| e.downcast::<AppSrc>().ok());
        if let (Some(frames), Some(size)) = (frames, bin.by_name("size")) {
            feed.attach(frames, size);
        }
    });
    factory
}
