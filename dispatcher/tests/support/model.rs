//! A model server for tests, on loopback: it speaks as much of the Responses, Messages and Gemini APIs as the real
//! programs need for a turn, follows a script, and keeps what it was sent.
#![allow(dead_code, clippy::unwrap_used, reason = "each test program uses a part of it; it is for tests alone")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::FAULT;

/// How the model behaves.
#[derive(Clone, Default)]
pub(crate) struct Script {
    /// Tools that it asks for before it answers, one after the other.
    pub(crate) calls: Vec<(&'static str, Value)>,
    /// What it does then.
    pub(crate) end: End,
}

/// What the model does at the end.
#[derive(Clone, Default)]
pub(crate) enum End {
    /// It answers with a report that fits, the prompt's random word included.
    #[default]
    Report,
    /// It answers with this text.
    Says(&'static str),
    /// It answers with an object that is no report.
    WrongForm,
    /// The server refuses with this status and body.
    Refuses(u16, Value),
    /// The stream breaks before its end.
    Breaks,
    /// The stream ends well and has no answer in it.
    IsSilent,
}

/// The running server. Its thread ends with the test program.
#[derive(Clone)]
pub(crate) struct Model {
    port: u16,
    asked: Arc<Mutex<Vec<Request>>>,
}

#[derive(Clone)]
struct Request {
    method: String,
    path: String,
    /// What it proves itself by.
    credential: String,
    body: String,
}

impl Model {
    pub(crate) fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let model = Self { port: listener.local_addr().unwrap().port(), asked: Arc::default() };
        let asked = Arc::clone(&model.asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, asked) = (script.clone(), Arc::clone(&asked));
                // A program that was ended in the middle breaks its connection, which is its own affair.
                std::thread::spawn(move || serve(stream, &script, &asked).ok());
            }
        });
        model
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The bodies of the requests for an answer.
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.asked().into_iter().map(|request| request.body).collect()
    }

    /// What the requests for an answer proved themselves by.
    pub(crate) fn credentials(&self) -> Vec<String> {
        self.asked().into_iter().map(|request| request.credential).collect()
    }

    fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(stream: TcpStream, script: &Script, asked: &Mutex<Vec<Request>>) -> std::io::Result<()> {
    let request = read_request(&mut BufReader::new(stream.try_clone()?))?;
    let mut out = stream;
    let path = request.path.split('?').next().unwrap_or_default();
    let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
    if request.method != "POST" {
        let status = if path.ends_with("/responses") { 426 } else { 200 };
        return answer(&mut out, status, &json!({"data": [], "models": []}), request.method == "HEAD");
    }
    if path.ends_with("count_tokens") || path.ends_with(":countTokens") {
        return answer(&mut out, 200, &json!({"input_tokens": 1, "totalTokens": 1}), false);
    }
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
    if let End::Refuses(status, refusal) = &script.end {
        return answer(&mut out, *status, refusal, false);
    }
    let turn = Turn { script, body: &body, raw: &request.body };
    let mut events = match path {
        path if path.ends_with("/responses") => turn.responses(),
        path if path.ends_with("/messages") => turn.messages(),
        path if path.ends_with("GenerateContent") => turn.gemini(),
        _ => return answer(&mut out, 404, &json!({"error": {"message": "no such place"}}), false),
    };
    if matches!(script.end, End::Breaks) {
        events.pop();
    }
    write!(out, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")?;
    for event in events {
        if let Some(kind) = event["type"].as_str() {
            writeln!(out, "event: {kind}")?;
        }
        write!(out, "data: {event}\n\n")?;
    }
    out.flush()
}

fn read_request(input: &mut impl BufRead) -> std::io::Result<Request> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let (mut length, mut chunked, mut credential) = (0, false, String::new());
    loop {
        let mut header = String::new();
        input.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        match name.to_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "authorization" | "x-api-key" | "x-goog-api-key" => credential = value.trim().to_owned(),
            "transfer-encoding" => chunked = value.contains("chunked"),
            _ => {}
        }
    }
    let mut bytes = vec![0; length];
    input.read_exact(&mut bytes)?;
    while chunked {
        let mut size = String::new();
        input.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let mut chunk = vec![0; size + 2];
        input.read_exact(&mut chunk)?;
        bytes.extend_from_slice(&chunk[..size]);
        chunked = size > 0;
    }
    Ok(Request { method, path, credential, body: String::from_utf8_lossy(&bytes).into_owned() })
}

fn answer(out: &mut impl Write, status: u16, body: &Value, is_head: bool) -> std::io::Result<()> {
    let text = if is_head { String::new() } else { body.to_string() };
    write!(
        out,
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
        text.len()
    )?;
    out.flush()
}

/// One request for an answer.
struct Turn<'a> {
    script: &'a Script,
    body: &'a Value,
    raw: &'a str,
}

/// Tokens that every turn says it took: sent and cached together, cached, came back.
const USED: (u64, u64, u64) = (1200, 1000, 80);

impl Turn<'_> {
    /// The call that is due after so many results of calls.
    fn call(&self, results: usize) -> Option<&(&'static str, Value)> {
        self.script.calls.get(results)
    }

    fn report(&self) -> Value {
        if matches!(self.script.end, End::WrongForm) {
            return json!({"faultId": FAULT, "verdict": "fine"});
        }
        let nonce = self.raw.split("`nonce` is").nth(1).unwrap_or_default();
        let nonce: String = nonce.chars().skip_while(|letter| !letter.is_ascii_hexdigit()).take(16).collect();
        json!({
            "faultId": FAULT, "nonce": nonce, "outcome": "root-cause-identified", "rootCause": "the disk is full",
            "evidence": ["E: boom"], "duplicateOfPath": null, "proposedFix": null, "learnedPatternProposal": null,
        })
    }

    fn text(&self) -> String {
        if let End::Says(text) = self.script.end { text.to_owned() } else { self.report().to_string() }
    }

    fn responses(&self) -> Vec<Value> {
        let items = self.body["input"].as_array().into_iter().flatten();
        let is_result = |item: &&Value| item["type"].as_str().is_some_and(|kind| kind.ends_with("_call_output"));
        let results = items.filter(is_result).count();
        let item = match self.call(results) {
            Some((name, input)) => json!({
                "id": format!("fc_{results}"), "type": "function_call", "status": "completed", "name": name,
                "call_id": format!("call_{results}"), "arguments": input.to_string(),
            }),
            None => json!({
                "id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
                "content": [{"type": "output_text", "text": self.text(), "annotations": []}],
            }),
        };
        let response = json!({
            "id": "resp_1", "object": "response", "status": "completed", "output": [], "usage": {
                "input_tokens": USED.0, "input_tokens_details": {"cached_tokens": USED.1}, "output_tokens": USED.2,
                "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": USED.0 + USED.2,
            },
        });
        let mut events = vec![
            json!({"type": "response.created", "response": {"id": "resp_1"}}),
            json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
            json!({"type": "response.completed", "response": response}),
        ];
        if matches!(self.script.end, End::IsSilent) {
            events.remove(1);
        }
        events
    }

    fn messages(&self) -> Vec<Value> {
        let messages = self.body["messages"].as_array().into_iter().flatten();
        let blocks: Vec<&Value> = messages.filter_map(|message| message["content"].as_array()).flatten().collect();
        let asked_for = |name: &str| {
            let mut calls = blocks.iter().filter(|block| block["type"] == "tool_use" && block["name"] == *name);
            calls.next_back().map(|call| &call["id"])
        };
        let results: Vec<&&Value> = blocks.iter().filter(|block| block["type"] == "tool_result").collect();
        let is_settled = asked_for("StructuredOutput")
            .is_some_and(|id| results.iter().any(|result| result["tool_use_id"] == *id && result["is_error"] != true));
        let of_tools = self.body["tools"].as_array().into_iter().flatten();
        let offers_form = of_tools.clone().any(|tool| tool["name"] == "StructuredOutput");
        let use_tool = |name: &str, input: &Value| {
            let id = format!("toolu_{}", results.len());
            (json!({"type": "tool_use", "id": id, "name": name, "input": {}}), input.to_string(), "tool_use")
        };
        let (block, part, reason) = match (self.call(results.len()), &self.script.end) {
            (Some((name, input)), _) => use_tool(name, input),
            (None, End::Report | End::WrongForm | End::Breaks) if offers_form && !is_settled => {
                use_tool("StructuredOutput", &self.report())
            }
            _ => (json!({"type": "text", "text": ""}), self.text(), "end_turn"),
        };
        let delta = match reason {
            "tool_use" => json!({"type": "input_json_delta", "partial_json": part}),
            _ => json!({"type": "text_delta", "text": part}),
        };
        let usage = json!({
            "input_tokens": USED.0 - USED.1, "cache_creation_input_tokens": 0, "cache_read_input_tokens": USED.1,
            "output_tokens": USED.2,
        });
        let message = json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": self.body["model"], "content": [],
            "stop_reason": null, "stop_sequence": null, "usage": usage,
        });
        let mut events = vec![
            json!({"type": "message_start", "message": message}),
            json!({"type": "content_block_start", "index": 0, "content_block": block}),
            json!({"type": "content_block_delta", "index": 0, "delta": delta}),
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": null}, "usage": usage}),
            json!({"type": "message_stop"}),
        ];
        if matches!(self.script.end, End::IsSilent) {
            events.drain(1..4);
        }
        events
    }

    fn gemini(&self) -> Vec<Value> {
        let contents = self.body["contents"].as_array().into_iter().flatten();
        let parts = contents.filter_map(|content| content["parts"].as_array()).flatten();
        let results = parts.filter(|part| !part["functionResponse"].is_null()).count();
        let part = match (self.call(results), &self.script.end) {
            (Some((name, input)), _) => json!({"functionCall": {"name": name, "args": input}}),
            (None, End::IsSilent) => json!({"text": ""}),
            (None, _) => json!({"text": self.text()}),
        };
        let usage = json!({
            "promptTokenCount": USED.0, "cachedContentTokenCount": USED.1, "candidatesTokenCount": USED.2,
            "totalTokenCount": USED.0 + USED.2,
        });
        let candidate = json!({"index": 0, "finishReason": "STOP", "content": {"role": "model", "parts": [part]}});
        vec![json!({"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-pro"})]
    }
}
