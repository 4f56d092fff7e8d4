//! The filter actor: applies one rule to the events that pass by. A filter stands ahead of the ranking, so whatever is
//! behind it never hears of what the rule closes.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::candidate::{Batch, Candidate, draft};
use crate::counts::Tally;
use crate::rules::{Closing, Context, Decision, Rule};
use crate::settle::{Order, SettleRequest};

/// Applies one rule.
#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) rule: &'static dyn Rule,
    pub(crate) context: Arc<Context>,
}

impl Filter {
    pub(crate) async fn run(
        self,
        mut batches: mpsc::Receiver<Batch>,
        onward: mpsc::Sender<Batch>,
        settle: mpsc::Sender<SettleRequest>,
    ) {
        while let Some(mut batch) = batches.recv().await {
            let closed = self.apply(&mut batch);
            if !closed.is_empty() && settle.send(SettleRequest::Settle(closed)).await.is_err() {
                return;
            }
            if !batch.is_empty() && onward.send(batch).await.is_err() {
                return;
            }
        }
    }

    /// Takes out of a batch what the rule closes.
    fn apply(&self, batch: &mut Batch) -> Vec<Order> {
        let (mut due, mut closed) = (Vec::new(), Vec::new());
        for candidate in batch.due.drain(..) {
            match self.rule.decide(&candidate, &self.context) {
                Decision::Pass => due.push(candidate),
                Decision::HoldBack => batch.held_back.push(candidate),
                Decision::Close(closing) => closed.push(close(candidate, closing)),
            }
        }
        batch.due = due;
        closed
    }
}

/// The order that closes an event as it was read.
pub(crate) fn close(candidate: Candidate, closing: Closing) -> Order {
    let draft = draft(&candidate.event, &candidate.ticket, closing.outcome());
    let order = closing.order(candidate.ticket, draft, candidate.is_due);
    if candidate.is_own { Order { tally: Tally::OwnAudit, ..order } } else { order }
}
