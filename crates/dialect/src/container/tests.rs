use proptest::prelude::*;

use super::samples::{aac, amr, flac, fragments, heard_webm, mp3, mp4, opus, wav, webm};
use super::*;

#[test]
fn each_container_tells_how_long_it_lasts() {
    let table = [
        (wav(1_500), Container::Wav, 1_500, Coding::Pcm16k),
        (opus(2_000), Container::Ogg, 2_000, Coding::Opus),
        (mp3(100), Container::Mp3, 2_613, Coding::Other),
        (flac(96_000), Container::Flac, 2_000, Coding::Other),
        (mp4(7_000), Container::Mp4, 7_000, Coding::Other),
        (fragments(&[0, 1_000, 2_000]), Container::Mp4, 3_000, Coding::Other),
        (webm(1_234.5), Container::Webm, 1_235, Coding::Other),
        (heard_webm(), Container::Webm, 4_020, Coding::Other),
        (amr(50), Container::Amr, 1_000, Coding::Other),
        (aac(100), Container::Aac, 2_322, Coding::Other),
    ];
    for (bytes, container, millis, coding) in table {
        assert_eq!(read(&bytes), Ok(Contained { container, millis, coding }));
    }
}

#[test]
fn what_follows_from_other_figures_is_not_believed() {
    let mut lying = wav(1_000);
    // A hundred times the bytes a second, and more data than there is.
    lying[28..32].copy_from_slice(&3_200_000_u32.to_le_bytes());
    lying[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(read(&lying).map(|sound| sound.millis), Ok(1_000));
}

#[test]
fn what_tells_no_length_is_no_sound() {
    let unknown = "is none of wav, mp3, ogg, flac, webm, mp4, amr and aac";
    let untold = "does not tell how long it lasts, or is not whole";
    for (bytes, why) in [
        (Vec::new(), unknown),
        (b"%PDF-1.7".to_vec(), unknown),
        (b"\x89PNG\r\n\x1a\n".to_vec(), unknown),
        (vec![0; 4_096], unknown),
        (wav(1_000)[..30].to_vec(), untold),
        (wav(0), "holds no sound"),
        (opus(10)[..60].to_vec(), "holds no sound"),
        (flac(0), untold),
        (mp4(0), untold),
        (mp4(7_000)[..40].to_vec(), untold),
        (mp4(200_000_000), "says that it lasts longer than a day"),
        (fragments(&[0]), untold),
        (b"ID3\x04\0\0\0\0\0\x05title".to_vec(), untold),
        (b"#!AMR\n".to_vec(), "holds no sound"),
        (webm(f64::NAN), "holds no sound"),
    ] {
        assert_eq!(read(&bytes), Err(why), "{bytes:?}");
    }
}

/// Whatever it is, what is told lies within what is taken.
fn judge(bytes: &[u8]) {
    if let Ok(found) = read(bytes) {
        assert!((1..=LONGEST).contains(&found.millis), "{found:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), which in 0..10_usize, cut in 0..200_usize) {
        let samples = [wav(20), opus(20), mp3(2), flac(9), mp4(20), fragments(&[0, 1]), webm(1.0), heard_webm(), amr(2), aac(2)];
        let sample = &samples[which];
        let cut = cut.min(sample.len());
        judge(&bytes);
        judge(&sample[..cut]);
        judge(&[&sample[..cut], &bytes].concat());
        judge(&[&sample[..8.min(sample.len())], &bytes].concat());
    }
}
