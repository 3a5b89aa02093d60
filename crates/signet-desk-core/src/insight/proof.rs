//! A best-execution page with what proves it, in one archive. Pure.

use super::html;
use crate::{history::HistoryExport, view::BestExecution};
use signet_history::VERIFY_SH;
use std::io::{Cursor, Write as _};
use zip::{ZipWriter, result::ZipResult, write::SimpleFileOptions};

/// The archive's bytes.
///
/// # Errors
/// It is too large for the format.
pub(crate) fn proof(
    page: &BestExecution,
    history: &HistoryExport,
    made_ms: i64,
) -> ZipResult<Vec<u8>> {
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    let (html, words) = (html(page, made_ms), read_me(page, history));
    // The text of a long history is not copied.
    let files = [
        ("best-execution.html", html.as_str()),
        ("history.txt", history.text.as_str()),
        ("verify.sh", VERIFY_SH),
        ("READ-ME.txt", words.as_str()),
    ];
    for (name, text) in files {
        out.start_file(name, SimpleFileOptions::default())?;
        out.write_all(text.as_bytes())?;
    }
    Ok(out.finish()?.into_inner())
}

fn read_me(page: &BestExecution, history: &HistoryExport) -> String {
    format!(
        "What proves the best-execution page of request {rfq} of {desk}\n\n\
         best-execution.html  the page, for people\n\
         history.txt          what the page is made from: the messages about this request as they \
         travelled,\n\
         {blank}with the signatures of the desk and of the gateway and the certificates\n\
         {blank}of both; of all other records the hashes\n\
         verify.sh            the check, with OpenSSL 3 and the standard tools\n\n\
         To check it, get the certificate of the gateway's authority from the firm that runs the \
         gateway\n\
         (gateways-ca.pem), and verify.sh from a release of Signet, not from here:\n\n\
         \x20   sh verify.sh history.txt '{key}' gateways-ca.pem\n\n\
         It prints every signed message and ends with OK, or names what was changed. The gateway \
         signs what it\n\
         says of trades; quotes it does not sign, and the desk's own signatures prove what the \
         desk kept. Give\n\
         the key to whoever checks in another way than with this archive. Compare the page with \
         the messages.\n",
        rfq = page.rfq_id,
        desk = page.desk,
        key = history.key,
        blank = " ".repeat(21),
    )
}
