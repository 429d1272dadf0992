//! A page of a listing as S3 writes it.

/// The answer with the keys of a page. Those that end with a slash are common prefixes. `is_last` says that no
/// page follows.
pub fn list_bucket_result(page: &[&str], is_last: bool) -> String {
    let contents: String = page
        .iter()
        .map(|key| match key.ends_with('/') {
            true => format!("<CommonPrefixes><Prefix>{key}</Prefix></CommonPrefixes>"),
            false => format!("<Contents><Key>{key}</Key><Size>1</Size></Contents>"),
        })
        .collect();
    let next = match page.last() {
        Some(last) if !is_last => {
            format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{last}</NextContinuationToken>")
        }
        _ => "<IsTruncated>false</IsTruncated>".to_owned(),
    };
    let count = page.len();
    format!("<ListBucketResult><KeyCount>{count}</KeyCount>{next}{contents}</ListBucketResult>")
}
