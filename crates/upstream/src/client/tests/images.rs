//! The way to images, whose addresses callers choose.

use std::sync::Mutex;

use phi_dialect::remote::ImageAddress;
use phi_simulate::Pictures;
use tokio::net::TcpListener;

use super::*;
use crate::client::connect::{ConnectError, Names};
use crate::fetch::Unfetched;

const PICTURES: &str = "pictures.example";
const GIF: &[u8] = b"GIF89a and so on";

fn address() -> ImageAddress {
    ImageAddress::parse("https://pictures.example/a.gif").expect("an address")
}

/// Somebody who keeps an image, and the authority that vouches for him.
async fn pictures(ca: &Ca) -> Pictures {
    let pictures = Pictures::start(ca.identity(&[PICTURES]).expect("an identity")).await.expect("a place");
    pictures.keeps("/a.gif", "image/gif", GIF);
    pictures
}

fn client(ca: &Ca, names: &Names) -> Client {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(ca.certificate()).expect("a root");
    Client::build(roots, names, None, quick()).expect("a client")
}

#[tokio::test]
async fn check_14_a_name_is_resolved_once_and_what_it_leads_to_later_is_not_asked() {
    let ca = Ca::new().expect("an authority");
    let (public, private) = (pictures(&ca).await, pictures(&ca).await);
    let told = Arc::new(Mutex::new(vec![private.address(), public.address()]));
    let client = client(&ca, &Names::Rebound(Arc::clone(&told)));
    let image = client.image(&address(), |_| Ok(())).await.expect("an image");
    assert_eq!(image.kind, "image/gif");
    assert_eq!((public.connections(), private.connections()), (1, 0));
    assert_eq!(*told.lock().expect("addresses"), [private.address()], "asked once");
}

#[tokio::test]
async fn check_14_a_name_that_leads_to_a_private_address_is_not_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let client = Client::new(None, None, quick()).expect("a client");
    for host in ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "169.254.169.254"] {
        let uri = format!("https://{host}:{port}/a.gif").parse().expect("an address");
        let refused = client.images.connect(&uri).await;
        assert!(matches!(refused, Err(ConnectError::Address)), "{host}");
        let plain = format!("http://{host}:{port}/a.gif").parse().expect("an address");
        assert!(matches!(client.images.connect(&plain).await, Err(ConnectError::Plain)), "{host}");
    }
    let came = tokio::time::timeout(Duration::from_millis(1), listener.accept()).await;
    assert!(came.is_err(), "somebody came");
}

#[tokio::test]
async fn an_image_comes_from_whoever_can_prove_the_name_and_no_connection_is_kept() {
    let ca = Ca::new().expect("an authority");
    let (right, wrong) = (pictures(&ca).await, pictures(&Ca::new().expect("an authority")).await);
    let names = |at: &Pictures| Names::Given(Arc::new(HashMap::from([(PICTURES.to_owned(), at.address())])));
    let of_right = client(&ca, &names(&right));
    for number in 1..=2 {
        assert!(of_right.image(&address(), |_| Ok(())).await.is_ok());
        assert_eq!(right.connections(), number);
    }
    let refused = client(&ca, &names(&wrong)).image(&address(), |_| Ok(())).await;
    assert!(matches!(refused, Err(Unfetched::NoAnswer)));
    assert!(wrong.asked().is_empty(), "who cannot prove the name is asked nothing");
}

#[tokio::test]
async fn what_there_is_no_room_for_is_not_held() {
    let ca = Ca::new().expect("an authority");
    let pictures = pictures(&ca).await;
    let names = Names::Given(Arc::new(HashMap::from([(PICTURES.to_owned(), pictures.address())])));
    let came = std::sync::atomic::AtomicUsize::new(0);
    let take = |bytes| {
        came.fetch_add(bytes, std::sync::atomic::Ordering::SeqCst);
        Err(Unfetched::TooMuch)
    };
    assert!(matches!(client(&ca, &names).image(&address(), take).await, Err(Unfetched::TooMuch)));
    assert_eq!(came.into_inner(), GIF.len());
}
