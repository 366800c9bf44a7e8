//! The ledger of a deployment, read as it lies on the disk.

use std::collections::BTreeMap;

use jiff::Timestamp;
use phi_ledger::read::{Records, Start};
use phi_record::entry::{ClosedRecord, Line, OpenedRecord, Record};
use phi_words::RequestId;

use crate::deploy::Deploy;

/// Everything that was written down.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) lines: Vec<Line>,
}

/// One call: when it was opened, and every record that closes it.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) time: Timestamp,
    pub(crate) opened: OpenedRecord,
    pub(crate) closed: Vec<ClosedRecord>,
}

impl Book {
    /// Reads what lies there, whether a server writes at the moment or not.
    pub(crate) fn read(deploy: &Deploy) -> Self {
        let mut book = Self::default();
        book.read_on(deploy);
        book
    }

    /// Reads what came since.
    pub(crate) fn read_on(&mut self, deploy: &Deploy) {
        let records = Records::new(deploy.data().join("ledger"), Start::Index(self.lines.len() as u64));
        self.lines.extend(records.map(|record| Line::parse(&record.expect("a whole record").1).expect("a line")));
    }

    /// Every call that was opened.
    pub(crate) fn calls(&self) -> BTreeMap<RequestId, Written> {
        let mut calls = BTreeMap::new();
        for line in &self.lines {
            match &line.record {
                Record::Opened(opened) => {
                    let written = Written { time: line.time, opened: (**opened).clone(), closed: Vec::new() };
                    assert!(calls.insert(opened.id, written).is_none(), "`{}` was opened twice", opened.id);
                }
                Record::Closed(closed) => {
                    let written: Option<&mut Written> = calls.get_mut(&closed.id);
                    written.expect("closed after it was opened").closed.push((**closed).clone());
                }
                Record::Refused(_) | Record::Act(_) => {}
            }
        }
        calls
    }

    /// What was done beside calls, in order.
    pub(crate) fn acts(&self) -> Vec<&str> {
        self.lines
            .iter()
            .filter_map(|line| match &line.record {
                Record::Act(act) => Some(act.act.as_str()),
                Record::Opened(_) | Record::Closed(_) | Record::Refused(_) => None,
            })
            .collect()
    }
}
