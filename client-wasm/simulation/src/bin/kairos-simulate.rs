//! x
use kairos_client_simulation::World;
fn main() {
    let args: Vec<u64> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let (from, count) = (args[0], args[1]);
    let begun = std::time::Instant::now();
    let (mut steps, mut faults) = (0, 0);
    for seed in from..from + count {
        let mut world = World::new(seed, None);
        if args.len() > 2 { world.trace(); }
        world.run(3, 4000);
        steps += world.steps; faults += world.faults_done;
        if let Some(f) = &world.finding { println!("seed {seed} after {} steps: {f}", world.steps); if args.len() > 2 {break} }
    }
    println!("{steps} steps, {faults} faults, {:.1} M/min", steps as f64 / begun.elapsed().as_secs_f64() * 60.0 / 1e6);
}
