//! `pmclone refused --csv` with the columns of the user's own CSV, and `pmclone retry` of it.

use super::explained;
use crate::support::{Place, Result, Simulator};

/// A CSV as another program writes it: semicolons, Windows-1252, names of its own, and a line for each card.
const OWN: &str = "Kunde;Anrede;Vorname;Nachname;E-Mail;Karte;=Haken\r\n\
     007;Herr;J\u{f6}rg;Gut;good@example.com;pm_1Good;ja\r\n\
     008;Frau;Dora;M\u{fc}ller;dora@example.com;pm_declined_1Dora;\r\n\
     008;Frau;Dora;M\u{fc}ller;;pm_1Dora;-1+1\r\n";

const SETTINGS: &str = "[columns]\nlegacy_id = \"Kunde\"\nname = \"{Vorname} {Nachname}\"\nemail = \"E-Mail\"\npayment_method = \"Karte\"\n\
     [constants]\nconnected_account = \"acct_1First\"\n";

fn written(place: &Place, name: &str) -> Result<String> {
    Ok(std::fs::read_to_string(place.path(name))?)
}

#[test]
fn the_refused_have_the_csvs_own_columns_and_are_read_as_it_was() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let bytes = OWN.chars().map(|c| u8::try_from(u32::from(c)));
    let bytes: Vec<u8> = bytes.collect::<std::result::Result<_, _>>()?;
    place.put("own.csv", &bytes)?;
    place.put("own.toml", SETTINGS)?;
    place
        .against(&simulator, &["run", "own.csv", "--config", "own.toml"])?
        .with(3)?;
    place
        .pmclone_keyless(&["refused", "--csv", "refused.csv"])?
        .with(0)?;
    let csv = written(&place, "refused.csv")?;
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!(
        lines[0],
        "\u{feff}Kunde;Anrede;Vorname;Nachname;E-Mail;Karte;'=Haken;pmclone_refused;pmclone_reason;pmclone_remedy"
    );
    let line = "'008;Frau;Dora;M\u{fc}ller;dora@example.com;pm_declined_1Dora;;pm_declined_1Dora on the platform;generic_decline;The issuer";
    assert!(lines[1].starts_with(line), "{csv}");
    assert_eq!(lines[2], "'008;Frau;Dora;M\u{fc}ller;;pm_1Dora;'-1+1;;;");
    assert_eq!(lines.len(), 3, "{csv}");
    // Mended, and read as the CSV was, without a word of how.
    place.put(
        "mended.csv",
        csv.replace("pm_declined_1Dora;", "pm_1DoraNew;"),
    )?;
    let told = place
        .against(&simulator, &["retry", "mended.csv"])?
        .with(0)?
        .err;
    assert!(told.contains("1 customer; 1 tried again"), "{told}");
    let customer = &explained(&place, &["008"])?["customers"][0];
    assert_eq!(customer["standing"], "migrated");
    assert_eq!(customer["read"]["payment_methods"][0], "pm_1DoraNew");
    let changed: Vec<_> = customer["mended"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    let fields = changed
        .iter()
        .map(|each| each["field"].as_str().unwrap_or_default());
    assert!(
        fields.clone().all(|field| field.contains("payment_method")),
        "{changed:?}"
    );
    Ok(())
}

#[test]
fn where_the_csv_is_not_as_it_was_the_columns_are_pmclones_own_and_why_is_said() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let csv = "legacy_id,note,payment_method,connected_account\na,x,pm_declined_1A,acct_1First\nb,x,pm_declined_1B,acct_1First\n";
    place.put("c.csv", csv)?;
    place.against(&simulator, &["run", "c.csv"])?.with(3)?;
    let refused = |why: &str| -> Result<String> {
        let told = place.pmclone_keyless(&["refused", "--csv", "-"])?.with(0)?;
        assert_eq!(
            told.err.contains("have pmclone's own names"),
            !why.is_empty(),
            "{}",
            told.err
        );
        assert!(told.err.contains(why), "{}", told.err);
        Ok(told.out)
    };
    assert!(refused("")?.contains("a,x,pm_declined_1A,acct_1First,pm_declined_1A on"));
    let standard = ["refused", "--csv", "-", "--standard-columns"];
    let standard = place.pmclone_keyless(&standard)?.with(0)?;
    assert!(!standard.err.contains("own names"), "{}", standard.err);
    assert!(standard.out.starts_with("\u{feff}legacy_id,email,name,"));
    // The same length, other bytes.
    place.put("c.csv", csv.replace(",x,", ",y,"))?;
    assert_eq!(
        refused("c.csv has changed since it was imported")?,
        standard.out
    );
    std::fs::remove_file(place.path("c.csv"))?;
    assert_eq!(refused("c.csv cannot be read")?, standard.out);
    // A newer CSV that names one of them alone, and then a mended line.
    place.put("c.csv", csv.lines().take(2).collect::<Vec<_>>().join("\n"))?;
    place
        .against(&simulator, &["run", "c.csv"])?
        .code
        .ok_or_else(|| anyhow::anyhow!("a signal"))?;
    refused("c.csv does not name all of them")?;
    place.put(
        "mended.csv",
        standard.out.replace("pm_declined_1A", "pm_declined_2A"),
    )?;
    place
        .against(&simulator, &["retry", "mended.csv"])?
        .with(3)?;
    refused("1 customer mended since the CSV was imported")?;
    Ok(())
}
