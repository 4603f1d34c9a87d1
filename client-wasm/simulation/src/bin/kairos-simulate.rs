//! `kairos-simulate`, which `cargo xtask simulate` runs: world after world for some minutes; says how many steps and faults there were, and
//! what was found. Exits with 1 if anything was.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use kairos_client_simulation::{Search, trace};

/// What it was called with.
struct Options {
    minutes: f64,
    seed: u64,
    trace: bool,
}

fn options() -> Result<Options, String> {
    let mut options = Options { minutes: 1.0, seed: 1, trace: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next().ok_or_else(|| format!("{word} needs a number"));
        match word.as_str() {
            "--minutes" => options.minutes = number()?.parse().map_err(|_| "no number of minutes".to_owned())?,
            "--seed" => options.seed = number()?.parse().map_err(|_| "no seed".to_owned())?,
            "--trace" => options.trace = true,
            other => return Err(format!("`{other}` is not known: --minutes N, --seed S, --trace")),
        }
    }
    Ok(options)
}

/// Seeds `first`, `first + step`, … until the time is over.
fn run(first: u64, step: u64, minutes: f64) -> Search {
    let until = Instant::now() + Duration::from_secs_f64(minutes.max(0.0) * 60.0);
    let mut search = Search::default();
    let mut seed = first;
    while Instant::now() < until {
        let before = search.findings.len();
        search.run(seed, None);
        for finding in search.findings.iter().skip(before) {
            println!("seed {} after {} steps: {}", finding.seed, finding.steps, finding.what);
        }
        seed += step;
    }
    search
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    if options.trace {
        trace(options.seed);
        return ExitCode::SUCCESS;
    }
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get) as u64;
    let started = Instant::now();
    let worlds: Vec<Search> = thread::scope(|scope| {
        let begin = |thread: u64| scope.spawn(move || run(options.seed + thread, threads, options.minutes));
        let running: Vec<_> = (0..threads).map(begin).collect();
        running.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    let sum = |of: fn(&Search) -> u64| worlds.iter().map(of).sum::<u64>();
    let (steps, seeds) = (sum(|search| search.steps), sum(|search| search.worlds));
    let findings: usize = worlds.iter().map(|search| search.findings.len()).sum();
    let secs = started.elapsed().as_secs_f64().max(0.001);
    #[expect(clippy::cast_precision_loss, reason = "only to be printed")]
    let per_minute = steps as f64 / secs * 60.0 / 1e6;
    println!(
        "{steps} steps in {seeds} worlds from seed {}, {} faults, {per_minute:.1} million steps a minute, {findings} findings",
        options.seed,
        sum(|search| search.faults),
    );
    if findings == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
