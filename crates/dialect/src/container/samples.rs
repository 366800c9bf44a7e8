//! Sound of each kind, made up here byte by byte: silence, or noise that nobody decodes.

/// Whole samples of 16 bits, 16,000 a second, of one channel, for so many milliseconds.
pub(crate) fn wav(millis: u32) -> Vec<u8> {
    let data = vec![0; millis as usize * 32];
    let mut wav = b"RIFF".to_vec();
    wav.extend_from_slice(&(36 + u32::try_from(data.len()).unwrap()).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data");
    wav.extend_from_slice(&u32::try_from(data.len()).unwrap().to_le_bytes());
    wav.extend_from_slice(&data);
    wav
}

/// Opus that lasts so many milliseconds, in two pages.
pub(crate) fn opus(millis: u64) -> Vec<u8> {
    let page = |kind: u8, granule: u64, number: u8, packet: &[u8]| {
        let mut page = b"OggS\0".to_vec();
        page.push(kind);
        page.extend_from_slice(&granule.to_le_bytes());
        page.extend_from_slice(b"sera");
        page.extend_from_slice(&[number, 0, 0, 0, 0, 0, 0, 0, 1, u8::try_from(packet.len()).unwrap()]);
        page.extend_from_slice(packet);
        page
    };
    let first = page(2, 0, 0, b"OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0");
    [first, page(4, 312 + millis * 48, 1, &[7; 90])].concat()
}

/// Frames of MPEG layer III: 26 milliseconds each, 128 kbit/s at 44.1 kHz, behind a tag.
pub(crate) fn mp3(frames: usize) -> Vec<u8> {
    let mut mp3 = b"ID3\x04\0\0\0\0\0\x05title".to_vec();
    for _ in 0..frames {
        mp3.extend_from_slice(b"\xff\xfb\x90\x00");
        mp3.extend_from_slice(&[0; 413]);
    }
    mp3
}

/// A head of FLAC with so many samples at 48 kHz.
pub(crate) fn flac(samples: u32) -> Vec<u8> {
    let mut flac = b"fLaC\x80\0\0\x22".to_vec();
    flac.extend_from_slice(&[0; 10]);
    flac.extend_from_slice(&[0x0b, 0xb8, 0x01, 0x70]);
    flac.extend_from_slice(&samples.to_be_bytes());
    flac.extend_from_slice(&[0; 16]);
    flac
}

/// A head of MPEG-4 with so many milliseconds, and nothing in it.
pub(crate) fn mp4(millis: u32) -> Vec<u8> {
    let mut head = vec![0; 12];
    head.extend_from_slice(&1_000_u32.to_be_bytes());
    head.extend_from_slice(&millis.to_be_bytes());
    head.resize(100, 0);
    let file = boxed(b"ftyp", b"isom\0\0\0\0");
    [file, boxed(b"mdat", &[0; 9]), boxed(b"moov", &boxed(b"mvhd", &head))].concat()
}

/// MPEG-4 as it is written while it is heard: fragments that begin at these milliseconds.
pub(crate) fn fragments(begin: &[u32]) -> Vec<u8> {
    let mut head = vec![0; 12];
    head.extend_from_slice(&1_000_u32.to_be_bytes());
    head.resize(24, 0);
    let track = boxed(b"trak", &boxed(b"mdia", &boxed(b"mdhd", &head)));
    let mut file = [boxed(b"ftyp", b"iso5"), boxed(b"moov", &[boxed(b"mvhd", &head), track].concat())].concat();
    for time in begin {
        let time = [&[0; 4], time.to_be_bytes().as_slice()].concat();
        file.extend_from_slice(&boxed(b"moof", &boxed(b"traf", &boxed(b"tfdt", &time))));
        file.extend_from_slice(&boxed(b"mdat", &[0; 3]));
    }
    file
}

fn boxed(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut boxed = (8 + u32::try_from(content.len()).unwrap()).to_be_bytes().to_vec();
    boxed.extend_from_slice(name);
    boxed.extend_from_slice(content);
    boxed
}

/// `WebM` that says how long it lasts.
pub(crate) fn webm(millis: f64) -> Vec<u8> {
    let info = [b"\x2a\xd7\xb1\x83\x0f\x42\x40".as_slice(), b"\x44\x89\x88", &millis.to_be_bytes()].concat();
    let segment = [b"\x15\x49\xa9\x66".as_slice(), &[0x80 | u8::try_from(info.len()).unwrap()], &info].concat();
    [b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67".as_slice(), &[0x80 | u8::try_from(segment.len()).unwrap()], &segment]
        .concat()
}

/// `WebM` as a browser writes it while it hears: nothing says how long anything is. The last block begins after 4,020
/// milliseconds.
pub(crate) fn heard_webm() -> Vec<u8> {
    let unknown = b"\x01\xff\xff\xff\xff\xff\xff\xff";
    let block = |offset: i16| [b"\xa3\x86\x81".as_slice(), &offset.to_be_bytes(), b"\x80ab"].concat();
    let cluster = |time: u16| [b"\x1f\x43\xb6\x75".as_slice(), unknown, b"\xe7\x82", &time.to_be_bytes()].concat();
    [
        b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67".to_vec(),
        unknown.to_vec(),
        b"\x15\x49\xa9\x66\x87\x2a\xd7\xb1\x83\x0f\x42\x40".to_vec(),
        cluster(0),
        block(0),
        block(960),
        cluster(4_000),
        block(-20),
        block(20),
    ]
    .concat()
}

/// Narrow adaptive multi-rate, of so many frames.
pub(crate) fn amr(frames: usize) -> Vec<u8> {
    let frame = [b"\x3c".as_slice(), &[0; 31]].concat();
    [b"#!AMR\n".as_slice(), &frame.repeat(frames)].concat()
}

/// AAC at 44.1 kHz, of so many frames of 1,024 samples.
pub(crate) fn aac(frames: usize) -> Vec<u8> {
    // Sixteen bytes each.
    [b"\xff\xf1\x50\x80\x02\x00\xfc".as_slice(), &[0; 9]].concat().repeat(frames)
}
