//! The hosts that weights may come from: the one place that says so.
//!
//! The page's policy (`www/index.html`) and its gatekeeper (`www/sw.js`) name the same, which a test
//! here sees to. The page's own site is always allowed, and needs no name.

/// The Hub: what is there, and the address that leads to each file.
pub const HUB: &str = "https://huggingface.co";

/// Whence a browser may fetch, as a Content-Security-Policy writes it. The Hub sends on to storage
/// near the visitor, whose names below `hf.co` change with place and year (its documentation, "Downloading
/// behind a proxy or firewall", gives the wildcard); all of that domain is the Hub's own storage.
pub const HOSTS: [&str; 2] = [HUB, "https://*.hf.co"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_policy_names_these_and_no_others() {
        let page = include_str!("../../../www/index.html");
        let policy = page
            .split_once(r#"Content-Security-Policy" content=""#)
            .and_then(|(_, rest)| rest.split_once('"'))
            .map(|(policy, _)| policy)
            .unwrap();
        let connect = policy
            .split(';')
            .find_map(|directive| directive.trim().strip_prefix("connect-src "))
            .unwrap();
        let named: Vec<&str> = connect.split_whitespace().collect();
        assert_eq!(named, [&["'self'"], &HOSTS[..]].concat());
        // No other directive lets anything in from elsewhere.
        assert_eq!(policy.matches("https:").count(), HOSTS.len());
        assert!(!policy.contains("http:"));
    }

    #[test]
    fn the_gatekeeper_asks_no_other_host() {
        let gatekeeper = include_str!("../../../www/sw.js");
        let hub = format!(r#"const HUB = "{HUB}/";"#);
        assert_eq!(gatekeeper.matches(&hub).count(), 1);
        assert_eq!(gatekeeper.matches("https://").count(), 1);
    }
}
