//! A foreign Blossom client for the tests: each subcommand is one call of the published `nostr-blossom` crate, nothing
//! added and nothing repaired, so that what a user of that crate sees of the server is what the tests see.
//!
//! Prints one JSON line, `{"ok":true,...}` or `{"ok":false,"error":"..."}`, and exits 0 either way; 2 when called wrongly.

use std::error::Error;
use std::process::ExitCode;

use nostr::prelude::*;
use nostr_blossom::prelude::*;
use serde_json::{Value, json};

const USAGE: &str = "usage: blossom-rs upload URL NSEC FILE TYPE
       blossom-rs has URL SHA256
       blossom-rs get URL SHA256 OUT
       blossom-rs list URL NSEC
       blossom-rs delete URL NSEC SHA256";

type Outcome = Result<Value, Box<dyn Error>>;

/// `NSEC` is a secret key as nsec1... or 64 hex characters; the crate signs its own authorization with it.
async fn upload(url: &str, nsec: &str, file: &str, media_type: &str) -> Outcome {
    let client = BlossomClient::new(Url::parse(url)?);
    let keys = Keys::parse(nsec)?;
    let bytes = std::fs::read(file)?;
    let descriptor = client
        .upload_blob(bytes, Some(media_type.to_string()), None, Some(&keys))
        .await?;
    Ok(json!({ "ok": true, "descriptor": descriptor }))
}

async fn has(url: &str, sha256: &str) -> Outcome {
    let client = BlossomClient::new(Url::parse(url)?);
    let has = client
        .has_blob(sha256.parse()?, None, None::<&Keys>)
        .await?;
    Ok(json!({ "ok": true, "has": has }))
}

async fn get(url: &str, sha256: &str, out: &str) -> Outcome {
    let client = BlossomClient::new(Url::parse(url)?);
    let bytes = client
        .get_blob(sha256.parse()?, None, None, None::<&Keys>)
        .await?;
    std::fs::write(out, &bytes)?;
    Ok(json!({ "ok": true, "size": bytes.len() }))
}

/// Lists what the key's own public key has uploaded, signed by the same key.
async fn list(url: &str, nsec: &str) -> Outcome {
    let client = BlossomClient::new(Url::parse(url)?);
    let keys = Keys::parse(nsec)?;
    let descriptors = client
        .list_blobs(&keys.public_key(), None, None, None, Some(&keys))
        .await?;
    Ok(json!({ "ok": true, "descriptors": descriptors }))
}

async fn delete(url: &str, nsec: &str, sha256: &str) -> Outcome {
    let client = BlossomClient::new(Url::parse(url)?);
    let keys = Keys::parse(nsec)?;
    client.delete_blob(sha256.parse()?, None, &keys).await?;
    Ok(json!({ "ok": true }))
}

/// The whole chain of causes on one line: reqwest alone says only "error sending request".
fn explain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = inner.source();
    }
    text
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args.as_slice() {
        ["upload", url, nsec, file, media_type] => upload(url, nsec, file, media_type).await,
        ["has", url, sha256] => has(url, sha256).await,
        ["get", url, sha256, out] => get(url, sha256, out).await,
        ["list", url, nsec] => list(url, nsec).await,
        ["delete", url, nsec, sha256] => delete(url, nsec, sha256).await,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    println!(
        "{}",
        outcome.unwrap_or_else(|error| json!({ "ok": false, "error": explain(error.as_ref()) }))
    );
    ExitCode::SUCCESS
}
