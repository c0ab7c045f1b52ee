//! Links between the documents lead somewhere, and every page can be reached from README and leads back.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::{ROOT, documents, pages, read};

/// Documents with links that tell no user how pmclone is used.
const BESIDE: [&str; 3] = ["SECURITY.md", "CHANGELOG.md", "samples/README.md"];

/// A document's text without fenced blocks and code in backticks, where nothing is a heading or a link.
fn prose(document: &str) -> String {
    let mut fenced = false;
    let mut prose = String::new();
    for line in document.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    prose
}

/// A heading's anchor, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || [' ', '-', '_'].contains(c);
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    heading
        .chars()
        .filter(kept)
        .collect::<String>()
        .replace(' ', "-")
}

/// The anchors that a document has; each once, or a link would lead to the first of two.
fn anchors(document: &str) -> Result<BTreeSet<String>> {
    let text = prose(&read(document)?);
    let mut anchors = BTreeSet::new();
    for heading in text.lines().filter(|line| line.starts_with('#')) {
        let fresh = anchors.insert(anchor(heading));
        ensure!(fresh, "{document} has two headings {heading:?}");
    }
    Ok(anchors)
}

/// A link of a document: the file that it leads to, from the root, and the heading there or nothing.
struct Link {
    file: String,
    heading: String,
}

/// What `../a.md` means in a folder, as a path from the root.
fn resolved(folder: &Path, file: &str) -> Result<String> {
    let mut path = PathBuf::from(folder);
    for part in Path::new(file).components() {
        match part {
            Component::ParentDir => ensure!(path.pop(), "{file} leads out of the project"),
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    Ok(path.to_string_lossy().into_owned())
}

/// The links of a document but those into the network.
fn links(document: &str) -> Result<Vec<Link>> {
    let text = prose(&read(document)?);
    let folder = Path::new(document).parent().context("its folder")?;
    let mut links = Vec::new();
    for rest in text.split("](").skip(1) {
        let (link, _) = rest.split_once(')').context("the end of a link")?;
        if link.starts_with("https://") {
            continue;
        }
        let (file, heading) = link.split_once('#').unwrap_or((link, ""));
        let file = match file {
            "" => document.to_owned(),
            file => resolved(folder, file).with_context(|| document.to_owned())?,
        };
        links.push(Link {
            file,
            heading: heading.to_owned(),
        });
    }
    Ok(links)
}

#[test]
fn links_between_the_documents_lead_somewhere() -> Result<()> {
    let mut checked = 0;
    for document in documents()?.into_iter().chain(BESIDE.map(str::to_owned)) {
        for Link { file, heading } in links(&document)? {
            checked += 1;
            let target = Path::new(ROOT).join(&file);
            ensure!(target.is_file(), "{document}: there is no {file}");
            ensure!(
                heading.is_empty() || anchors(&file)?.contains(&heading),
                "{document}: {file} has no heading #{heading}"
            );
        }
    }
    ensure!(checked > 100, "only {checked} links");
    Ok(())
}

#[test]
fn every_page_is_in_the_readme_and_leads_back() -> Result<()> {
    let readme = links("README.md")?;
    for page in pages()? {
        ensure!(
            readme.iter().any(|link| link.file == page),
            "README leads nobody to {page}"
        );
        ensure!(
            links(&page)?.iter().any(|link| link.file == "README.md"),
            "{page} does not lead back to README"
        );
    }
    Ok(())
}

/// What is shipped beside the binary: a page that is left out would leave its links without an end.
#[test]
fn the_packages_have_every_kind_of_file_that_the_pages_link() -> Result<()> {
    let (manifest, image) = (read("Cargo.toml")?, read("Dockerfile")?);
    for entry in fs::read_dir(Path::new(ROOT).join("docs"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let kind = Path::new(&name).extension().context("an extension")?;
        let of_all = format!("docs/*.{}", kind.to_string_lossy());
        let makes_pictures = ["pictures.sh", "terminal.py"].contains(&name.as_str());
        for package in [&manifest, &image] {
            ensure!(
                package.contains(&of_all) != makes_pictures,
                "docs/{name}: shipped or not, against what it is"
            );
        }
    }
    Ok(())
}
