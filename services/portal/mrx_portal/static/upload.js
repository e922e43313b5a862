"use strict";
// The supplier's page: sends a file straight to object storage with a ticket, then waits for the verdict.
(() => {
  const TRIES = 3;
  const pause = (ms) => new Promise((go) => setTimeout(go, ms));
  const ask = async (path, body, seal) => {
    const answer = await fetch(path, {
      method: body ? "POST" : "GET", cache: "no-store", credentials: "same-origin",
      headers: { Accept: "application/json", ...(body && { "Content-Type": "application/json", "MRX-Seal": seal }) },
      body: body && JSON.stringify(body),
    });
    if (answer.ok) return answer.json();
    throw Object.assign(new Error("refused"), { status: answer.status });
  };

  // Wait until the request stands otherwise than when the page was drawn, or a file of ours was judged.
  async function watch(state, { slow = false, ticket = null } = {}) {
    for (let wait = slow ? 10000 : 700; ; wait = Math.min(wait * 1.3, slow ? 30000 : 5000)) {
      await pause(wait);
      if (document.hidden && slow) continue;
      try {
        const now = await ask("/supplier/state");
        const mine = ticket && now.tickets[ticket];
        if (mine ? ["stored", "refused", "lapsed"].includes(mine) : now.state !== state) return location.replace("/supplier");
      } catch (error) {
        if (error.status && error.status < 500) return location.replace("/supplier");
      }
    }
  }
  for (const place of document.querySelectorAll("[data-watch]")) watch(place.dataset.state, { slow: "slow" in place.dataset });

  const form = document.getElementById("upload");
  if (!form) return;
  const part = (id) => document.getElementById(id), words = form.dataset;
  const [input, fault, sending, said, progress, send, stop] = ["file", "file-fault", "sending", "said", "progress", "send", "stop"].map(part);
  const seal = form.elements.seal.value;
  let running = null, meant = null;
  form.hidden = false;

  const blame = (text) => {
    fault.textContent = text;
    fault.hidden = !text;
    input.toggleAttribute("aria-invalid", Boolean(text));
    if (text) { input.setAttribute("aria-invalid", "true"); sending.hidden = true; input.focus(); }
  };
  const tell = (text, percent) => {
    sending.hidden = false;
    said.textContent = text;
    if (percent === undefined) progress.removeAttribute("value");
    else progress.value = percent;
  };
  const busy = (on) => {
    send.disabled = input.disabled = on;
    stop.hidden = !on;
    if (on) addEventListener("beforeunload", hold);
    else removeEventListener("beforeunload", hold);
  };
  const hold = (event) => event.preventDefault();

  async function look(file) {
    if (!file.size) return words.wordsEmpty;
    if (file.size > Number(words.most)) return words.wordsLarge;
    const head = new TextDecoder("latin1").decode(await file.slice(0, 1024).arrayBuffer());
    return head.includes("%PDF-") ? "" : words.wordsNotPdf;
  }

  const put = (ticket, file, mine) => new Promise((done, failed) => {
    const call = new XMLHttpRequest();
    mine.call = call;
    call.open(ticket.method, ticket.url);
    for (const [name, value] of Object.entries(ticket.headers)) {
      if (!/^(host|content-length)$/i.test(name)) call.setRequestHeader(name, value);
    }
    call.upload.onprogress = (event) => tell(`${words.wordsSending} ${Math.floor((100 * event.loaded) / file.size)} %`, (100 * event.loaded) / file.size);
    // 412: the same link has taken the file already, so only our word of it was lost.
    call.onload = () => (call.status < 300 || call.status === 412 ? done() : failed(new Error(String(call.status))));
    call.onerror = call.ontimeout = () => failed(new Error("lost"));
    call.onabort = () => failed(new Error("stopped"));
    call.send(file);
  });

  async function arrived(ticket) {
    const now = (await ask("/supplier/state")).tickets[ticket.ticket_id];
    return ["received", "checking", "stored", "refused"].includes(now);
  }

  async function go(file, mine) {
    tell(words.wordsReading, 0);
    const sha256 = await Fingerprint.of(file, (part) => tell(words.wordsReading, 100 * part));
    for (let attempt = 1; !mine.stopped; attempt++) {
      let ticket = null;
      try {
        ticket = await ask("/supplier/tickets", { sha256, size: file.size, meant: meant === sha256 }, seal);
        if (mine.stopped) break;
        if (ticket.same_file) {
          meant = sha256;
          busy(false);
          return blame(words.wordsSame.replace("{sites}", ticket.same_file.join(", ")));
        }
        await put(ticket, file, mine);
      } catch (error) {
        if (mine.stopped) break;
        if (error.status && error.status < 500 && error.status !== 429) { busy(false); return location.replace("/supplier"); }
        if (attempt >= TRIES) throw error;
        tell(words.wordsAgain);
        await pause(1500 * attempt);
        // The answer alone may have been lost.
        if (!ticket || !(await arrived(ticket).catch(() => false))) continue;
      }
      tell(words.wordsArrived);
      stop.hidden = true;
      await ask("/supplier/arrivals", { ticket_id: ticket.ticket_id }, seal).catch(() => {});
      removeEventListener("beforeunload", hold);
      return watch(null, { ticket: ticket.ticket_id });
    }
    return tell(words.wordsStopped, 0);
  }

  input.addEventListener("change", async () => blame(input.files[0] ? await look(input.files[0]) : ""));
  stop.addEventListener("click", () => { running.stopped = true; running.call?.abort(); });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const file = input.files[0];
    const wrong = file ? await look(file).catch(() => words.wordsChanged) : words.wordsEmpty;
    blame(wrong);
    if (wrong || send.disabled) return;
    running = { stopped: false, call: null };
    busy(true);
    try {
      await go(file, running);
      if (running.stopped) busy(false);
    } catch (error) {
      blame(error.name === "NotReadableError" ? words.wordsChanged : words.wordsFailed);
      busy(false);
    }
  });
})();
