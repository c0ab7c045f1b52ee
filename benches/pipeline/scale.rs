//! How time and memory grow with the state file: everything that a person does with it, but the calls.

use std::path::Path;
use std::process::Command;

use crate::child::{Cost, Simulator, measure, pmclone};
use crate::files;
use crate::parts::{Sizes, float, key, megabytes, remove_state, run_command};

/// Connected accounts, in files of every size.
const ACCOUNTS: u32 = 10_000;

/// What is done, in this order.
const WHAT: [&str; 9] = [
    "check and plan (`run --dry-run`)",
    "import (`run --limit 0`)",
    "plan, and begin (`resume`, ended at once)",
    "status, nothing done",
    "resume with every other customer done, ended at once",
    "status, all done",
    "export, all done",
    "resume, nothing left",
    "run again with the same CSV, nothing left",
];

/// What one of them took, with so many customers.
struct Row {
    customers: u64,
    costs: Vec<Cost>,
}

/// Each size, then how the costs grew.
pub fn scale(folder: &Path, sizes: &Sizes) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for customers in &sizes.scale {
        rows.push(one_size(folder, *customers)?);
    }
    println!("Over {ACCOUNTS} accounts\n");
    println!(
        "| | customers | seconds | CPU seconds | CPU µs a customer | peak memory |\n| --- | --- | --- | --- | --- | --- |"
    );
    for (index, what) in WHAT.iter().enumerate() {
        for Row { customers, costs } in &rows {
            let cost = costs[index];
            println!(
                "| {what} | {customers} | {:.2} | {:.2} | {:.2} | {} |",
                cost.wall.as_secs_f64(),
                cost.cpu.as_secs_f64(),
                cost.cpu.as_secs_f64() * 1e6 / float(*customers),
                megabytes(cost.peak_bytes)
            );
        }
    }
    println!();
    for Row { customers, costs } in &rows {
        let peak = costs.iter().map(|cost| cost.peak_bytes).max().unwrap_or(0);
        key(
            &format!("peak memory with {customers} customers on {ACCOUNTS} accounts"),
            &format!(
                "{} in the worst of import, plan, status, export, resume",
                megabytes(peak)
            ),
        );
    }
    if let [.., before, last] = rows.as_slice() {
        let each = |row: &Row| {
            row.costs
                .iter()
                .map(|cost| cost.cpu.as_secs_f64())
                .sum::<f64>()
                / float(row.customers)
        };
        key(
            &format!(
                "CPU time for each customer, {} against {}",
                last.customers, before.customers
            ),
            &format!(
                "{:.2} times, all of them together",
                each(last) / each(before)
            ),
        );
    }
    Ok(())
}

fn one_size(folder: &Path, customers: u64) -> anyhow::Result<Row> {
    let csv = folder.join("scale.csv");
    let state = folder.join("scale.db");
    files::sample(&csv, customers, ACCOUNTS)?;
    remove_state(folder, "scale.db")?;
    let simulator = Simulator::start(folder)?;
    let on = |arguments: &[&str]| {
        let mut command = pmclone(folder, arguments);
        command.args(["--state", "scale.db"]);
        command
    };
    let resume = |more: &[&str]| {
        let mut command = on(&["resume", "--api-base", &simulator.url, "--rate", "off"]);
        command.args(more);
        command
    };
    let took = |mut command: Command| measure(folder, &mut command);
    let mut costs = vec![took(on(&["run", "scale.csv", "--dry-run"]))?];
    let mut import = run_command(folder, "scale.csv", "scale.db", &simulator.url);
    import.args(["--limit", "0"]);
    costs.push(took(import)?);
    costs.push(took(resume(&["--max-duration", "1ms"]))?);
    costs.push(took(on(&["status", "--json"]))?);
    files::finish(&state)?;
    files::reopen_every_other(&state)?;
    costs.push(took(resume(&["--max-duration", "1ms"]))?);
    files::close_all(&state)?;
    costs.push(took(on(&["status", "--json"]))?);
    costs.push(took(on(&["export", "-o", "scale-mapping.csv"]))?);
    std::fs::remove_file(folder.join("scale-mapping.csv"))?;
    costs.push(took(resume(&[]))?);
    costs.push(took(on(&[
        "run",
        "scale.csv",
        "--api-base",
        &simulator.url,
    ]))?);
    eprintln!(
        "{customers} customers: {} of CSV, a state file of {}",
        megabytes(std::fs::metadata(&csv)?.len()),
        megabytes(std::fs::metadata(&state)?.len())
    );
    remove_state(folder, "scale.db")?;
    std::fs::remove_file(csv)?;
    Ok(Row { customers, costs })
}
