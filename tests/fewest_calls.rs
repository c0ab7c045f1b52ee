//! The number of calls, counted on the wire: `n + 2nm` writes for n cards on m accounts, and the plan says so beforehand.

use serde_json::Value;

use crate::support::{Asked, Place, Result, Simulator, World};

fn csv(sources: usize, accounts: usize) -> String {
    let list = |prefix: &str, count: usize| {
        let ids: Vec<String> = (1..=count)
            .map(|number| format!("{prefix}{number:04}"))
            .collect();
        ids.join(";")
    };
    let (sources, accounts) = (list("pm_1Wire", sources), list("acct_1Wire", accounts));
    format!(
        "legacy_id,email,payment_method,connected_account\n1,a@example.com,{sources},{accounts}\n"
    )
}

fn sum(by_endpoint: &Value, method: &str) -> u64 {
    let all = by_endpoint.as_object().into_iter().flatten();
    all.filter(|(name, _)| name.starts_with(method))
        .filter_map(|(_, count)| count.as_u64())
        .sum()
}

#[test]
fn n_cards_on_m_accounts_take_n_and_twice_n_times_m_writes_and_no_read() -> Result<()> {
    for (n, m) in [(1, 1), (1, 3), (2, 1), (3, 2), (5, 4)] {
        let place = Place::new()?;
        let simulator = Simulator::on_demand(&place)?;
        let text = csv(n, m);
        place.put("one.csv", &text)?;
        let plan = place
            .pmclone_keyless(&["run", "one.csv", "--dry-run", "--json"])?
            .with(0)?
            .json()?;
        place.against(&simulator, &["run", "one.csv"])?.with(0)?;
        let counters = simulator.counters()?;
        let writes = u64::try_from(n + 2 * n * m)?;
        assert_eq!(
            sum(&counters["by_endpoint"], "POST"),
            writes,
            "{n} cards, {m} accounts: {counters}"
        );
        // One read asks whose key it is; the others, whether the CSV is of this platform, are in the plan.
        let looked_up = plan["plan"]["radar"]["reads"].as_u64().unwrap_or_default();
        assert_eq!(looked_up, u64::try_from(1 + m.min(5))?, "{plan}");
        assert_eq!(
            sum(&counters["by_endpoint"], "GET"),
            1 + looked_up,
            "{counters}"
        );
        let planned = plan["plan"]["calls"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        for call in &planned {
            let endpoint = call["endpoint"].as_str().unwrap_or_default();
            assert_eq!(
                counters["by_endpoint"][endpoint], call["calls"],
                "{endpoint}: {planned:?}"
            );
        }
        assert_eq!(plan["plan"]["total_calls"], writes, "{planned:?}");
        // Once is enough: the same CSV again sends nothing but the first question.
        place.against(&simulator, &["run", "one.csv"])?.with(0)?;
        assert_eq!(
            simulator.requests()?,
            writes + 1 + looked_up + 1,
            "{counters}"
        );
        let asked = Asked::of_text(&text)?;
        World::of(&simulator, &asked)?.holds_all_of(&asked)?;
    }
    Ok(())
}
