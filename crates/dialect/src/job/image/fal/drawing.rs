use std::time::Duration;

use phi_words::{Completion, Usage};

use super::{is_done, look, read_id, submit};
use crate::job::{Begin, Heard, Job, Made, Message, Step, Steps};
use crate::json::{Document, Object};
use crate::question::{Image, Wanted};
use crate::{Carry, HostFault, Misfit};

/// The shapes that the second version of Krea knows, as their width to their height.
const SHAPES: [(&str, f64); 8] = [
    ("1:1", 1.0),
    ("4:3", 4.0 / 3.0),
    ("3:2", 1.5),
    ("16:9", 16.0 / 9.0),
    ("2.35:1", 2.35),
    ("4:5", 0.8),
    ("2:3", 2.0 / 3.0),
    ("9:16", 9.0 / 16.0),
];
/// How long a job is left alone before it is asked about, first and at most.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(4);

/// One job after the other, for a model makes one image at a time.
struct Drawing {
    own: String,
    body: Vec<u8>,
    /// How many are to be made yet.
    due: u8,
    bytes: bool,
    at: At,
    made: Vec<String>,
}

/// Where one job is.
enum At {
    /// It is to be handed in.
    Due,
    /// It was handed in, and is waited for.
    Waiting { id: String, rest: Duration, rested: bool },
    /// It is done, and is to be fetched.
    Done { id: String },
}

pub(crate) fn fits(image: &Image, carry: &Carry) -> Result<(), Misfit> {
    match image.size {
        Some(size) if takes_shapes(carry) && shape(size).is_none() => Err(Misfit { field: "size".into() }),
        Some(_) | None => Ok(()),
    }
}

/// Whether the model takes a shape in the place of a size.
fn takes_shapes(carry: &Carry) -> bool {
    carry.own.as_str().starts_with("krea/")
}

/// The shape that a size has, to a fiftieth.
fn shape((width, height): (u32, u32)) -> Option<&'static str> {
    let ratio = f64::from(width) / f64::from(height);
    SHAPES.iter().find(|(_, shape)| (ratio / shape - 1.0).abs() < 0.02).map(|(name, _)| *name)
}

pub(crate) fn begin(image: &Image, carry: &Carry) -> Begin {
    let mut body = Object::new();
    body.text("prompt", &image.prompt);
    match image.size {
        Some(size) if takes_shapes(carry) => {
            body.text("aspect_ratio", shape(size).unwrap_or("1:1"));
        }
        Some((width, height)) => {
            body.object("image_size", |size| {
                size.whole("width", width.into());
                size.whole("height", height.into());
            });
        }
        None => {}
    }
    let bytes = image.wanted(carry) == Wanted::Bytes;
    if bytes {
        // The image comes in the answer itself, and lies nowhere.
        body.raw("sync_mode", b"true");
    }
    let drawing = Drawing {
        own: carry.own.as_str().to_owned(),
        body: body.finish(),
        due: image.count,
        bytes,
        at: At::Due,
        made: Vec::new(),
    };
    Begin { job: Job::new(drawing, "application/json"), left_out: Vec::new() }
}

impl Steps for Drawing {
    fn next(&mut self) -> Step {
        match &mut self.at {
            At::Due if self.due == 0 => Step::Done(self.written()),
            At::Due => Step::Ask(submit(&self.own, self.body.clone())),
            At::Waiting { rest, rested, .. } if !*rested => {
                *rested = true;
                let now = *rest;
                *rest = (now * 2).min(LONGEST);
                Step::Wait(now)
            }
            At::Waiting { id, .. } => Step::Ask(look(&self.own, id, "/status")),
            At::Done { id } => Step::Ask(Message { answers: &[200], ..look(&self.own, id, "") }),
        }
    }

    fn hear(&mut self, heard: Heard) -> Result<(), HostFault> {
        let malformed = HostFault::Malformed;
        let body = heard.body.expose_into_bytes();
        let document = Document::parse(body).map_err(|_| malformed("the body is not JSON"))?;
        match &mut self.at {
            At::Due => self.at = At::Waiting { id: read_id(&document)?, rest: FIRST, rested: false },
            At::Waiting { id, rested, .. } => {
                if is_done(&document)? {
                    self.at = At::Done { id: std::mem::take(id) };
                } else {
                    *rested = false;
                }
            }
            At::Done { .. } => {
                let image = document.root().member("images").and_then(|images| images.items()?.next());
                let url = image.and_then(|image| image.member("url")?.text()).ok_or(malformed("there is no image"))?;
                let made = if self.bytes { inside(&url) } else { address(&url) };
                self.made.push(made.ok_or(malformed("an image did not come as it was asked for"))?.to_owned());
                (self.due, self.at) = (self.due.saturating_sub(1), At::Due);
            }
        }
        Ok(())
    }

    fn usage(&self) -> Option<Usage> {
        (!self.made.is_empty()).then(|| Usage { images: self.made.len() as u64, ..Usage::default() })
    }
}

impl Drawing {
    fn written(&self) -> Made {
        let mut body = Object::new();
        body.list("data", |data| {
            for made in &self.made {
                data.object(|one| _ = one.text(if self.bytes { "b64_json" } else { "url" }, made));
            }
        });
        let body = Completion::new(body.finish());
        Made { body, media_type: "application/json", usage: self.usage(), host_model: None }
    }
}

/// The image in a `data:` URL, as base64.
fn inside(url: &str) -> Option<&str> {
    let (kind, data) = url.strip_prefix("data:")?.split_once(";base64,")?;
    let is_base64 = data.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
    (kind.starts_with("image/") && is_base64 && !data.is_empty()).then_some(data)
}

/// An address at fal's own store of files: it is handed on, and nothing else is.
fn address(url: &str) -> Option<&str> {
    let (host, path) = url.strip_prefix("https://")?.split_once('/')?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let fits = (host == "fal.media" || host.ends_with(".fal.media")) && host.bytes().all(|b| is_plain(b) && b != b'/');
    (fits && url.len() <= 2_048 && path.bytes().all(is_plain)).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(count: u8, bytes: bool, size: Option<(u32, u32)>) -> Image {
        Image { prompt: "a lung".into(), count, size, wants: bytes.then_some(Wanted::Bytes) }
    }

    fn carry(own: &str) -> Carry {
        Carry::plain(own.parse().unwrap())
    }

    fn drawing(image: &Image, own: &str) -> Job {
        begin(image, &carry(own)).job
    }

    fn asked(job: &mut Job) -> (String, String) {
        match job.step() {
            Step::Ask(message) => {
                let body = String::from_utf8(message.body.concat()).unwrap();
                (format!("{:?} {}", message.verb, message.path), body)
            }
            Step::Follow(_) | Step::Wait(_) | Step::Done(_) | Step::Said => panic!("nothing is asked"),
        }
    }

    fn heard(body: &str) -> Heard {
        Heard { status: 200, location: None, retry_after: None, body: Completion::new(body.to_owned()) }
    }

    fn waited(job: &mut Job) -> u128 {
        match job.step() {
            Step::Wait(wait) => wait.as_millis(),
            Step::Ask(_) | Step::Follow(_) | Step::Done(_) | Step::Said => panic!("nothing is waited for"),
        }
    }

    fn done(job: &mut Job) -> (String, Option<Usage>) {
        match job.step() {
            Step::Done(made) => (String::from_utf8(made.body.expose_bytes().to_vec()).unwrap(), made.usage),
            Step::Ask(_) | Step::Follow(_) | Step::Wait(_) | Step::Said => panic!("it is not done"),
        }
    }

    #[test]
    fn two_images_are_two_jobs_one_after_the_other() {
        let mut job = drawing(&image(2, true, Some((1_920, 1_080))), "krea/v2/medium/text-to-image");
        for n in ["QQ==", "QUI="] {
            let (line, body) = asked(&mut job);
            assert_eq!(line, "Post /krea/v2/medium/text-to-image");
            assert_eq!(body, r#"{"prompt":"a lung","aspect_ratio":"16:9","sync_mode":true}"#);
            job.hear(heard(r#"{"status":"IN_QUEUE","request_id":"ab-1","response_url":"https://evil.test/x"}"#))
                .unwrap();
            assert_eq!(waited(&mut job), 500);
            assert_eq!(asked(&mut job).0, "Get /krea/v2/requests/ab-1/status");
            job.hear(heard(r#"{"status":"IN_PROGRESS"}"#)).unwrap();
            assert_eq!(waited(&mut job), 1_000);
            assert_eq!(asked(&mut job).0, "Get /krea/v2/requests/ab-1/status");
            job.hear(heard(r#"{"status":"COMPLETED"}"#)).unwrap();
            assert_eq!(asked(&mut job).0, "Get /krea/v2/requests/ab-1");
            job.hear(heard(&format!(r#"{{"images":[{{"url":"data:image/png;base64,{n}"}}]}}"#))).unwrap();
        }
        let usage = Some(Usage { images: 2, ..Usage::default() });
        assert_eq!(done(&mut job), (r#"{"data":[{"b64_json":"QQ=="},{"b64_json":"QUI="}]}"#.into(), usage));
    }

    #[test]
    fn an_address_is_handed_on_where_it_is_the_hosts_own() {
        for (url, is_good) in [
            ("https://v3.fal.media/files/a/b_c.png", true),
            ("https://fal.media/files/a.png", true),
            ("http://v3.fal.media/files/a.png", false),
            ("https://evilfal.media/a.png", false),
            ("https://v3.fal.media@evil.test/a.png", false),
            ("https://evil.test/v3.fal.media/a.png", false),
            ("https://v3.fal.media/a.png?x=1", false),
            ("data:image/png;base64,QQ==", false),
        ] {
            assert_eq!(address(url).is_some(), is_good, "{url}");
        }
        assert_eq!(inside("data:image/png;base64,QQ=="), Some("QQ=="));
        assert_eq!((inside("data:text/html;base64,QQ=="), inside("https://v3.fal.media/a.png")), (None, None));
    }

    #[test]
    fn a_size_is_said_as_the_model_knows_it() {
        let krea = carry("krea/v2/large/text-to-image");
        assert!(fits(&image(1, true, Some((1_024, 1_024))), &krea).is_ok());
        assert_eq!(fits(&image(1, true, Some((1_024, 100))), &krea).unwrap_err().field, "size".into());
        let mut turbo = drawing(&image(1, false, Some((512, 768))), "fal-ai/krea-2/turbo");
        assert_eq!(asked(&mut turbo).1, r#"{"prompt":"a lung","image_size":{"width":512,"height":768}}"#);
    }

    #[test]
    fn what_makes_no_sense_is_a_fault() {
        for (answers, why) in [
            (vec!["[]"], "there is no id of a request"),
            (vec![r#"{"request_id":"../../x"}"#], "there is no id of a request"),
            (vec![r#"{"request_id":"a"}"#, r#"{"status":"GONE"}"#], "there is no status of a request"),
            (vec![r#"{"request_id":"a"}"#, r#"{"status":"COMPLETED"}"#, "{}"], "there is no image"),
            (
                vec![
                    r#"{"request_id":"a"}"#,
                    r#"{"status":"COMPLETED"}"#,
                    r#"{"images":[{"url":"https://evil.test/x"}]}"#,
                ],
                "an image did not come as it was asked for",
            ),
        ] {
            let mut job = drawing(&image(1, false, None), "krea/v2/medium/text-to-image");
            let mut last = Ok(());
            for answer in answers {
                if let Step::Wait(_) = job.step() {
                    job.step();
                }
                last = job.hear(heard(answer));
            }
            assert_eq!(last, Err(HostFault::Malformed(why)));
        }
    }
}
