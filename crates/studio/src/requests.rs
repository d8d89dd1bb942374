//! Every request that page, engine and gatekeeper made on this visit (`www/requests.js`, `www/sw.js`).

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{BroadcastChannel, MessageEvent};

const CHANNEL: &str = "atelier-requests";

/// One request, as those who made it tell.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub struct Request {
    pub who: Who,
    pub url: String,
    /// Milliseconds since 1970.
    at: f64,
    /// That came over the network.
    bytes: f64,
    /// Answered by the gatekeeper. Where it had to ask the network for it, it says so itself.
    kept: bool,
    /// Stopped before it left.
    blocked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    Page,
    Engine,
    Library,
    Gatekeeper,
}

#[derive(serde::Deserialize)]
struct Told {
    requests: Vec<Request>,
}

/// All requests for one address.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub url: String,
    pub who: Vec<Who>,
    pub times: u32,
    /// That came over the network.
    pub bytes: f64,
    /// None reached the network.
    pub kept: bool,
    pub blocked: bool,
}

/// The requests by address, in the order of their first.
pub fn lines(requests: &[Request]) -> Vec<Line> {
    let mut sorted: Vec<&Request> = requests.iter().collect();
    sorted.sort_by(|a, b| a.at.total_cmp(&b.at));
    let mut lines: Vec<Line> = Vec::new();
    for request in sorted {
        let url = request.url.split('#').next().unwrap_or_default();
        let found = lines
            .iter()
            .position(|l| l.url == url && l.blocked == request.blocked);
        let place = found.unwrap_or_else(|| {
            lines.push(Line {
                url: url.to_owned(),
                who: Vec::new(),
                times: 0,
                bytes: 0.0,
                kept: true,
                blocked: request.blocked,
            });
            lines.len() - 1
        });
        let line = &mut lines[place];
        line.times += 1;
        if !line.who.contains(&request.who) {
            line.who.push(request.who);
        }
        if !request.kept {
            line.kept = false;
            line.bytes += request.bytes;
        }
    }
    lines
}

/// Listens for as long as the page lives, and asks for what was before.
pub fn listen() -> RwSignal<Vec<Request>> {
    let requests = RwSignal::new(Vec::<Request>::new());
    let Ok(channel) = BroadcastChannel::new(CHANNEL) else {
        return requests;
    };
    let hear = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
        let text = js_sys::JSON::stringify(&message.data()).ok();
        let told = text.and_then(|text| serde_json::from_str::<Told>(&String::from(text)).ok());
        if let Some(told) = told {
            requests.update(|known| {
                for request in told.requests {
                    if !known.contains(&request) {
                        known.push(request);
                    }
                }
            });
        }
    });
    channel.set_onmessage(Some(hear.as_ref().unchecked_ref()));
    hear.forget();
    channel.post_message(&JsValue::from_str("tell")).ok();
    requests
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(who: Who, url: &str, at: f64, bytes: f64, kept: bool) -> Request {
        Request {
            who,
            url: url.to_owned(),
            at,
            bytes,
            kept,
            blocked: false,
        }
    }

    #[test]
    fn a_file_is_one_line_whoever_asked_for_it() {
        let unet = "https://a.test/unet";
        let told = [
            request(Who::Gatekeeper, unet, 2.0, 40e6, false),
            request(Who::Page, "https://a.test/#picture", 0.0, 900.0, false),
            request(Who::Engine, unet, 1.0, 0.0, true),
        ];
        let lines = lines(&told);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].url, "https://a.test/");
        assert_eq!(lines[1].who, [Who::Engine, Who::Gatekeeper]);
        assert_eq!((lines[1].times, lines[1].bytes), (2, 40e6));
        assert!(!lines[1].kept);
    }

    #[test]
    fn what_only_the_gatekeeper_answered_cost_nothing() {
        let told = [request(Who::Page, "https://a.test/a", 0.0, 0.0, true)];
        assert!(lines(&told)[0].kept);
    }

    #[test]
    fn what_was_stopped_is_never_mixed_with_what_went_out() {
        let went = request(Who::Page, "https://a.test/a", 0.0, 10.0, false);
        let stopped = Request {
            blocked: true,
            ..went.clone()
        };
        let lines = lines(&[went, stopped]);
        assert_eq!(lines.iter().filter(|l| l.blocked).count(), 1);
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn it_is_read_as_the_scripts_tell_it() {
        let told = r#"{"requests":[{"who":"engine","bytes":5,"kept":false,"blocked":false,
            "url":"https://a.test/b","at":1.5}]}"#;
        let told: Told = serde_json::from_str(told).unwrap();
        assert_eq!(told.requests[0].who, Who::Engine);
    }
}
