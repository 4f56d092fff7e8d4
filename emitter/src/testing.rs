//! A queue in memory, for tests.

use std::io::{Error, ErrorKind};
use std::sync::{Mutex, mpsc};

use haltline_protocol::{Intake, NewRow, QueueError};
use tokio::sync::Notify;

/// Takes rows, but none with a text that it refuses.
#[derive(Debug, Default)]
pub(crate) struct MemoryIntake {
    pub(crate) refused: Option<&'static str>,
    /// Where each call waits for a message or for the end of the channel.
    pub(crate) gate: Option<Mutex<mpsc::Receiver<()>>>,
    /// Notified when a call begins.
    pub(crate) begun: Notify,
    /// How many rows each call put.
    pub(crate) calls: Mutex<Vec<usize>>,
}

impl MemoryIntake {
    pub(crate) fn calls(&self) -> Vec<usize> {
        self.calls.lock().unwrap().clone()
    }

    /// The places of rows: their numbers.
    fn take(&self, rows: &[NewRow<'_>]) -> Result<Vec<String>, QueueError> {
        self.begun.notify_one();
        if let Some(gate) = &self.gate {
            gate.lock().unwrap().recv().ok();
        }
        let is_refused =
            |row: &NewRow<'_>| self.refused.is_some_and(|refused| String::from_utf8_lossy(row.row).contains(refused));
        if rows.iter().any(is_refused) {
            let source = Error::from(ErrorKind::StorageFull);
            return Err(QueueError {
                action: "write a file in",
                on: "memory".to_owned(),
                cause: source.into(),
                hint: None,
            });
        }
        let mut calls = self.calls.lock().unwrap();
        let first: usize = calls.iter().sum();
        calls.push(rows.len());
        Ok((first..first + rows.len()).map(|number| number.to_string()).collect())
    }
}

impl Intake for MemoryIntake {
    fn put(&self, row: &NewRow<'_>) -> Result<String, QueueError> {
        self.take(std::slice::from_ref(row)).map(|mut places| places.remove(0))
    }

    fn put_group(&self, rows: &[NewRow<'_>]) -> Result<Vec<Result<String, QueueError>>, QueueError> {
        self.take(rows).map(|places| places.into_iter().map(Ok).collect())
    }
}
