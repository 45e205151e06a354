//! Holds what the worlds saw against the arithmetic and the promise. Pure.
//!
//! An echo without a reply by the soft limit has the chance `p`. A verdict of its own needs the probe of the round and, as the
//! address answers the other check, a burst of seven to be silent, `p^8`; one that another agent's suspicion or the other check
//! asked for needs such a burst, `p^7`. A lost SYN is sent again within the probe, and the answer to that one still ends a burst,
//! so TCP adds nothing that counts. So does a late reply: where there are some, the prediction is a bound from above. A suspicion
//! that ends before the next partial report is allowed is never told.

use std::fmt::Write as _;
use std::time::Duration;

use meshvane_shared::limits::CAREFUL_PROBES;

use super::network::Network;
use super::world::Tally;
use crate::figures::table;
use crate::start::Findings;

/// What was run.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) network: Network,
    pub(super) tally: Tally,
}

/// False verdicts that the arithmetic predicts.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Predicted {
    suspicions: f64,
    own: f64,
    looked: f64,
}

impl Part {
    fn predicted(&self) -> Predicted {
        let silent = self.network.silent();
        let (probes, echoes) = (self.tally.probes as f64, self.tally.echoes as f64);
        let looked = self.tally.looked_echoes as f64;
        // A look asks until the first answer, and so does a suspicion; the rest are the probes of rounds.
        let asked_until_answer: f64 = (0..CAREFUL_PROBES).map(|lost| silent.powf(f64::from(lost))).sum();
        // A suspicion asks the other check too, and rounds ask both alike.
        let suspected = silent + self.network.lost_round_trips();
        let of_rounds = |all: f64, looked: f64| {
            (all - looked * asked_until_answer).max(0.0) / (1.0 + suspected * asked_until_answer)
        };
        let confirmed = silent.powf(f64::from(CAREFUL_PROBES));
        let echoes_of_rounds = of_rounds(echoes, looked);
        let tcp_of_rounds = of_rounds(probes - echoes, looked);
        Predicted {
            suspicions: echoes_of_rounds * silent + tcp_of_rounds * self.network.lost_round_trips(),
            own: echoes_of_rounds * silent * confirmed,
            looked: (looked + tcp_of_rounds * self.network.lost_round_trips()) * confirmed,
        }
    }

    fn row(&self, name: &str) -> Vec<String> {
        let predicted = self.predicted();
        let false_verdicts: u64 = self.tally.false_verdicts.iter().sum();
        let expected = predicted.own + predicted.looked;
        vec![
            name.to_owned(),
            self.tally.probes.to_string(),
            format!("{:.1}", self.tally.time.as_secs_f64() / 3600.0),
            self.tally.suspicions.to_string(),
            format!("{:.0}", predicted.suspicions),
            self.tally.looks.to_string(),
            false_verdicts.to_string(),
            format!("{expected:.3}"),
            format!("{:.3}", predicted.own),
            format!("{:.3}", predicted.looked),
            if false_verdicts == 0 {
                "-".to_owned()
            } else {
                format!("{:.2}", false_verdicts as f64 / expected)
            },
        ]
    }
}

/// Makes the figures and finds the promises that were not kept.
pub(super) fn judge(calm: &Part, check: &Part, elapsed: Duration) -> Findings {
    let heading = [
        "loss each way",
        "probes",
        "hours",
        "suspicions told",
        "raised, predicted",
        "looks",
        "false verdicts",
        "predicted",
        "own",
        "looked",
        "seen / predicted",
    ];
    let percent = |part: &Part| format!("{} %", part.network.loss * 100.0);
    let rows = [heading.map(str::to_owned).to_vec(), calm.row(&percent(calm)), check.row(&percent(check))];
    let mut text = table(&rows);
    let [echo, tcp] = check.tally.false_verdicts;
    let second = (calm.tally.probes + check.tally.probes) as f64 / elapsed.as_secs_f64();
    let (at, seconds) = (percent(check), elapsed.as_secs_f64());
    // Writing to a string cannot fail.
    let _written = writeln!(
        text,
        "of the false verdicts at {at}: {echo} by echo, {tcp} by TCP\n{seconds:.1} s, {second:.0} probes a second"
    );
    let false_verdicts: u64 = calm.tally.false_verdicts.iter().sum();
    let mut broken = Vec::new();
    if false_verdicts > 0 {
        broken.push(format!("{false_verdicts} healthy cells were called unreached"));
        broken.extend(calm.tally.described.iter().cloned());
    }
    Findings { text, broken }
}

#[cfg(test)]
mod tests;
