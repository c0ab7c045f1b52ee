//! Where the invented customers live, what they may be called there, and how they write it.

use fastrand::Rng;

/// One country's names and addresses.
pub(super) struct Place {
    pub(super) country: String,
    family_first: bool,
    joiner: &'static str,
    given: Vec<Name>,
    family: Vec<Name>,
    streets: Vec<&'static str>,
    towns: Vec<[&'static str; 3]>,
    phone: &'static str,
}

/// A name in its own script and in Latin letters.
type Name = (&'static str, &'static str);

/// All places of `places.txt`, which says how to read it.
pub(super) fn all() -> Vec<Place> {
    let lines = include_str!("places.txt").lines();
    lines
        .filter(|line| !line.starts_with('#'))
        .map(place)
        .collect()
}

fn place(line: &'static str) -> Place {
    let mut parts = line.split('|').map(str::trim);
    let mut next = || parts.next().unwrap_or_default();
    let country = next().to_owned();
    let order = next();
    Place {
        country,
        family_first: order.starts_with("FG"),
        joiner: if order.ends_with('x') { "" } else { " " },
        given: names(next()),
        family: names(next()),
        streets: next().split(", ").collect(),
        towns: next().split(", ").map(town).collect(),
        phone: next(),
    }
}

fn names(list: &'static str) -> Vec<Name> {
    let pairs = list.split(", ");
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, pair)))
        .collect()
}

fn town(text: &'static str) -> [&'static str; 3] {
    let mut parts = text.split('/');
    [(); 3].map(|()| parts.next().unwrap_or_default())
}

impl Place {
    /// A person's name, and the same as the front of an e-mail address.
    pub(super) fn name(&self, rng: &mut Rng) -> (String, String) {
        let (given, given_latin) = self.given[rng.usize(..self.given.len())];
        let (family, family_latin) = self.family[rng.usize(..self.family.len())];
        let (first, last) = if self.family_first {
            (family, given)
        } else {
            (given, family)
        };
        let latin = format!("{given_latin}.{family_latin}").to_ascii_lowercase();
        (format!("{first}{}{last}", self.joiner), latin)
    }

    /// A street and a number in it.
    pub(super) fn street(&self, rng: &mut Rng) -> String {
        let street = self.streets[rng.usize(..self.streets.len())];
        street.replacen('#', &rng.u16(1..200).to_string(), 1)
    }

    /// City, state and postal code.
    pub(super) fn town(&self, rng: &mut Rng) -> [String; 3] {
        self.towns[rng.usize(..self.towns.len())].map(str::to_owned)
    }

    /// A number that rings nowhere, or none where no range is kept for that.
    pub(super) fn phone(&self, rng: &mut Rng) -> String {
        let digits = self.phone.chars();
        digits
            .map(|c| if c == '#' { rng.digit(10) } else { c })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_complete() {
        for place in all() {
            let Place {
                country,
                given,
                family,
                streets,
                towns,
                phone,
                ..
            } = place;
            assert_eq!(country.len(), 2);
            let names = given.iter().chain(&family);
            for (native, latin) in names {
                assert!(
                    !native.is_empty() && latin.bytes().all(|b| b.is_ascii_alphabetic()),
                    "{country} {native} {latin}"
                );
            }
            assert!(
                streets.iter().all(|street| street.contains('#')),
                "{country}"
            );
            assert!(towns.iter().all(|[city, ..]| !city.is_empty()), "{country}");
            assert!(
                phone.len() <= 20 && (phone.is_empty() || phone.starts_with('+')),
                "{country}"
            );
        }
    }
}
