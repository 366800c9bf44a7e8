//! The bytes on disk, as `FORMAT.md` describes them. Pure functions.

use phi_crypto::sha256;

use crate::Durability;
use crate::fault::Flaw;

/// The longest record, in bytes.
pub const MAX_RECORD: usize = 65_535;

/// Where a record stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// How many records stand before it.
    pub index: u64,
    /// SHA-256 of a zero byte and the record.
    pub leaf: [u8; 32],
}

/// The longest that a header can be.
pub(crate) const MAX_HEADER: usize = 64 + 255;
/// The longest that a record or mark can be.
pub(crate) const MAX_PIECE: usize = RECORD_HEAD + MAX_RECORD;
/// How long a mark is.
pub(crate) const MARK: usize = 64;
/// What a mark begins with.
pub(crate) const MARK_MAGIC: &[u8; 8] = b"\x02phimark";
/// What a disk writes as a whole or not at all.
pub(crate) const SECTOR: u64 = 512;
/// So many zeros in a place where a record or mark should begin cannot come of one changed byte.
pub(crate) const LOST: u64 = 8;

const HEADER_MAGIC: &[u8; 8] = b"phi-log\n";
const VERSION: u16 = 1;
const RECORD_KIND: u8 = 1;
const RECORD_HEAD: usize = 7;

/// What a segment begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) durability: Durability,
    pub(crate) first_index: u64,
    pub(crate) previous: [u8; 32],
    pub(crate) created_ms: u64,
    pub(crate) origin: String,
}

/// One piece of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Record(&'a [u8]),
    Mark(Mark),
}

/// The end of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Where in the segment the mark ends.
    pub(crate) end: u64,
    /// How many records the log holds up to here.
    pub(crate) size: u64,
    /// How many of them are this batch.
    pub(crate) count: u32,
    pub(crate) head: [u8; 32],
}

pub(crate) fn leaf(record: &[u8]) -> [u8; 32] {
    sha256(&[&[0], record])
}

pub(crate) fn head(previous: &[u8; 32], leaf: &[u8; 32]) -> [u8; 32] {
    sha256(&[previous, leaf])
}

/// The previous head of a log's first record.
pub(crate) fn first_head(origin: &str) -> [u8; 32] {
    sha256(&[origin.as_bytes()])
}

pub(crate) fn segment_name(first_index: u64) -> String {
    format!("{first_index:020}.log")
}

/// Where a batch begins after what ends at `offset`: there, or at the next sector where too little of this one is left
/// to tell a sector that was never written from one whose bytes were changed.
pub(crate) fn batch_start(offset: u64) -> u64 {
    let next = (offset / SECTOR + 1) * SECTOR;
    if next - offset < LOST { next } else { offset }
}

/// The first index in a segment's name; nothing where it is no segment's name.
pub(crate) fn index_in_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log").filter(|digits| digits.len() == 20)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

impl Header {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let origin = self.origin.as_bytes();
        let durability = match self.durability {
            Durability::Disk => 1,
            Durability::Process => 2,
        };
        let mut bytes = HEADER_MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.push(durability);
        bytes.push(u8::try_from(origin.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(&self.first_index.to_be_bytes());
        bytes.extend_from_slice(&self.previous);
        bytes.extend_from_slice(&self.created_ms.to_be_bytes());
        bytes.extend_from_slice(origin);
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
        bytes
    }

    /// The header that `bytes` begin with, and its length.
    pub(crate) fn parse(bytes: &[u8]) -> Result<(Self, usize), Flaw> {
        let mut fields = Fields(bytes);
        if fields.take::<8>() != Some(*HEADER_MAGIC) {
            return Err(Flaw::Header);
        }
        if fields.u16() != Some(VERSION) {
            return Err(Flaw::Version);
        }
        fields.header(bytes).ok_or(Flaw::Header)
    }
}

impl Mark {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = MARK_MAGIC.to_vec();
        bytes.extend_from_slice(&self.end.to_be_bytes());
        bytes.extend_from_slice(&self.size.to_be_bytes());
        bytes.extend_from_slice(&self.count.to_be_bytes());
        bytes.extend_from_slice(&self.head);
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
        bytes
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (mark, _) = bytes.split_first_chunk::<MARK>()?;
        let (sealed, crc) = mark.split_last_chunk::<4>()?;
        let mut fields = Fields(sealed);
        if fields.take::<8>()? != *MARK_MAGIC || crc32fast::hash(sealed).to_be_bytes() != *crc {
            return None;
        }
        Some(Self { end: fields.u64()?, size: fields.u64()?, count: fields.u32()?, head: fields.take()? })
    }
}

/// Adds a record to `batch`; it is at most [`MAX_RECORD`] long.
pub(crate) fn push_record(batch: &mut Vec<u8>, record: &[u8]) {
    let len = u16::try_from(record.len()).unwrap_or(u16::MAX).to_be_bytes();
    batch.push(RECORD_KIND);
    batch.extend_from_slice(&len);
    batch.extend_from_slice(&record_crc(len, record).to_be_bytes());
    batch.extend_from_slice(record);
}

/// The piece that `bytes` begin with, where it is whole.
pub(crate) fn piece(bytes: &[u8]) -> Option<Piece<'_>> {
    let mut fields = Fields(bytes);
    if fields.take() != Some([RECORD_KIND]) {
        return Mark::parse(bytes).map(Piece::Mark);
    }
    let (len, crc) = (fields.take()?, fields.u32()?);
    let record = fields.0.get(..usize::from(u16::from_be_bytes(len)))?;
    (record_crc(len, record) == crc).then_some(Piece::Record(record))
}

impl Piece<'_> {
    /// How many bytes of the segment it takes.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Piece::Record(record) => (RECORD_HEAD + record.len()) as u64,
            Piece::Mark(_) => MARK as u64,
        }
    }
}

fn record_crc(len: [u8; 2], record: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&[RECORD_KIND]);
    crc.update(&len);
    crc.update(record);
    crc.finalize()
}

/// Big-endian fields, one after the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    /// The header's fields from the durability on; `all` are its bytes from the first one.
    fn header(&mut self, all: &[u8]) -> Option<(Header, usize)> {
        let [durability, origin_len] = self.take()?;
        let durability = match durability {
            1 => Durability::Disk,
            2 => Durability::Process,
            _ => return None,
        };
        let (first_index, previous, created_ms) = (self.u64()?, self.take()?, self.u64()?);
        let (origin, rest) = self.0.split_at_checked(usize::from(origin_len))?;
        let origin = std::str::from_utf8(origin).ok()?.to_owned();
        let sealed = all.get(..all.len().checked_sub(rest.len())?)?;
        let header = Header { durability, first_index, previous, created_ms, origin };
        (Fields(rest).u32()? == crc32fast::hash(sealed)).then_some((header, sealed.len() + 4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_back_and_no_changed_or_cut_one_does() {
        let header = Header {
            durability: Durability::Process,
            first_index: 7,
            previous: [9; 32],
            created_ms: 1_700_000_000_000,
            origin: "demo/1".into(),
        };
        let bytes = header.to_bytes();
        let longer = [bytes.as_slice(), b"rest"].concat();
        assert_eq!(Header::parse(&longer), Ok((header, bytes.len())));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(Header::parse(&changed).is_err(), "byte {at}");
            assert!(Header::parse(&bytes[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn pieces_read_back_and_no_changed_or_cut_one_does() {
        let mark = Mark { end: 99, size: 3, count: 2, head: [4; 32] };
        let mut record = Vec::new();
        push_record(&mut record, b"one record");
        for (bytes, whole) in [(record, Piece::Record(b"one record")), (mark.to_bytes(), Piece::Mark(mark))] {
            assert_eq!(
                piece(&bytes),
                Some(&whole).map(|whole| match whole {
                    Piece::Record(record) => Piece::Record(record),
                    Piece::Mark(mark) => Piece::Mark(*mark),
                })
            );
            assert_eq!(whole.bytes(), bytes.len() as u64);
            for at in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[at] ^= 1;
                assert_eq!(piece(&changed), None, "byte {at}");
                assert_eq!(piece(&bytes[..at]), None, "cut at {at}");
            }
        }
    }

    #[test]
    fn only_segments_have_a_segments_name() {
        assert_eq!(index_in_name(&segment_name(42)), Some(42));
        assert_eq!(index_in_name(&segment_name(u64::MAX)), Some(u64::MAX));
        for other in ["lock", "new.tmp", "42.log", "0000000000000000004+.log", "99999999999999999999.log"] {
            assert_eq!(index_in_name(other), None, "{other}");
        }
    }
}
