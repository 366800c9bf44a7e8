use super::{Coding, flac, lasting, little};

/// How many streams one file may hold.
const MOST_STREAMS: usize = 64;

struct Stream {
    serial: u64,
    rate: u64,
    /// Samples at its beginning that are not heard.
    skipped: u64,
    last: u64,
    is_opus: bool,
}

/// The lengths of its streams together, page by page (RFC 3533, section 6): those that follow one another, as is usual, or
/// more than those that are heard at once.
pub(super) fn read(bytes: &[u8]) -> Option<(u64, Coding)> {
    let (mut at, mut streams) = (0, Vec::<Stream>::new());
    while let Some((page, next)) = page(bytes, at) {
        let (granule, serial) = (little(page, 6, 8)?, little(page, 14, 4)?);
        let body = page.get(27 + usize::from(*page.get(26)?)..)?;
        if page.get(5)? & 2 != 0 {
            let (rate, skipped, is_opus) = begun(body)?;
            if streams.len() == MOST_STREAMS || streams.iter().any(|stream| stream.serial == serial) {
                return None;
            }
            streams.push(Stream { serial, rate, skipped, last: 0, is_opus });
        } else if let Some(stream) = streams.iter_mut().find(|stream| stream.serial == serial)
            && granule != u64::MAX
        {
            stream.last = stream.last.max(granule);
        }
        at = next;
    }
    let heard = |stream: &Stream| lasting(stream.last.saturating_sub(stream.skipped), stream.rate);
    let millis = streams.iter().map(heard).try_fold(0_u64, |sum, millis| sum.checked_add(millis?))?;
    let is_opus = !streams.is_empty() && streams.iter().all(|stream| stream.is_opus);
    Some((millis, if is_opus { Coding::Opus } else { Coding::Other }))
}

/// A whole page, and where the next one begins.
fn page(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let rest = bytes.get(at..).filter(|rest| rest.starts_with(b"OggS"))?;
    let table = rest.get(27..27 + usize::from(*rest.get(26)?))?;
    let len = 27 + table.len() + table.iter().map(|lacing| usize::from(*lacing)).sum::<usize>();
    Some((rest.get(..len)?, at + len))
}

/// The rate of a stream and the samples that are not heard, by its first packet, and whether it is Opus.
fn begun(packet: &[u8]) -> Option<(u64, u64, bool)> {
    if packet.starts_with(b"OpusHead") {
        // RFC 7845, section 4: counted at 48 kHz, whatever the rate was before.
        Some((48_000, little(packet, 10, 2)?, true))
    } else if packet.starts_with(b"\x01vorbis") {
        Some((little(packet, 12, 4)?, 0, false))
    } else if packet.starts_with(b"\x7fFLAC") {
        Some((flac::rate(packet, 17)?, 0, false))
    } else if packet.starts_with(b"Speex   ") {
        Some((little(packet, 36, 4)?, 0, false))
    } else {
        None
    }
}
