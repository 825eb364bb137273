// Keys and partial updates of the review's pages. Every page works without this script.
"use strict";

(() => {
  const main = () => document.getElementById("main");
  const rows = () => [...main().querySelectorAll("[data-row]")];
  const current = () => main().querySelector("[data-row].current");
  const tell = (text) => { document.getElementById("told").textContent = text; };

  // --- partial updates: only the page's main part is taken from the answer ---------------------------------------

  let asked = 0;
  let pushed = 0;

  async function load(address, options = {}, remember = true) {
    const number = ++asked;
    const place = rows().indexOf(current());
    main().setAttribute("aria-busy", "true");
    let answer;
    try {
      answer = await fetch(address, { credentials: "same-origin", ...options });
    } catch {
      answer = null;
    }
    if (number !== asked) return;
    const kind = answer === null ? "" : answer.headers.get("content-type") || "";
    if (answer === null || !kind.startsWith("text/html")) {
      main().removeAttribute("aria-busy");
      tell(answer === null ? "The review does not answer." : (await answer.text()).slice(0, 300));
      return;
    }
    const made = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = made.getElementById("main");
    if (number !== asked || fresh === null) return;
    main().replaceWith(document.adoptNode(fresh));
    document.title = made.title;
    if (remember) {
      history.pushState(null, "", answer.url);
      pushed += 1;
    }
    if (place >= 0) choose(rows()[place], false);
    tell(document.title);
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !main().contains(form)) return;
    if (form.method === "post") {
      event.preventDefault();
      keepPlace(() => load(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) }, false));
    } else if (form.hasAttribute("data-partial")) {
      event.preventDefault();
      const query = new URLSearchParams(new FormData(form));
      for (const [name, value] of [...query]) if (value === "") query.delete(name);
      const focused = document.activeElement && document.activeElement.id;
      const address = new URL(form.action);
      address.search = query.toString();
      load(address).then(() => {
        const field = focused ? document.getElementById(focused) : null;
        if (field) field.focus();
      });
    }
  });

  async function keepPlace(work) {
    const { scrollX, scrollY } = window;
    const focused = document.activeElement && document.activeElement.id;
    await work();
    // What had the focus was replaced: whoever works with keys goes on from the same field, or from the page's main part.
    if (document.activeElement === document.body) {
      const field = focused ? document.getElementById(focused) : null;
      (field || main()).focus({ preventScroll: true });
    }
    window.scrollTo(scrollX, scrollY);
  }

  window.addEventListener("popstate", () => load(location.href, {}, false));

  // --- keys -----------------------------------------------------------------------------------------------------

  function choose(row, scroll = true) {
    if (!row) return;
    const before = current();
    if (before) before.classList.remove("current");
    row.classList.add("current");
    const link = row.querySelector("a.open");
    if (link) link.focus({ preventScroll: true });
    if (scroll) row.scrollIntoView({ block: "nearest" });
  }

  function step(by) {
    const all = rows();
    if (all.length === 0) return;
    const at = all.indexOf(current());
    const next = at < 0 ? (by > 0 ? Math.max(all.findIndex((row) => row.classList.contains("here")), 0) : all.length - 1) : at + by;
    choose(all[Math.min(Math.max(next, 0), all.length - 1)]);
  }

  function follow(selector) {
    const link = (current() || main()).querySelector(selector);
    if (link) link.click();
  }

  function write(id) {
    const field = document.getElementById(id);
    if (field) {
      field.focus();
      return;
    }
    const link = current() && current().querySelector("a.open");
    if (link && /^\/(events|findings)\/[^/]+$/.test(new URL(link.href).pathname)) location.href = `${link.href}#${id}`;
  }

  function back() {
    const up = main().querySelector("a[rel=up]");
    const ours = document.referrer.startsWith(`${location.origin}/`) && !document.referrer.includes("/open");
    if (pushed > 0 || (ours && history.length > 1)) {
      pushed = Math.max(pushed - 1, 0);
      history.back();
    }
    else if (up) up.click();
  }

  const KEYS = {
    j: () => step(1),
    k: () => step(-1),
    s: () => {
      const form = (current() || main()).querySelector("form.star") || main().querySelector(".marks form.star");
      if (form) form.requestSubmit();
      else {
        const held = [...main().querySelectorAll(".held li")].find((one) => one.textContent.trim().startsWith("Star"));
        if (held) held.querySelector("form").requestSubmit();
      }
    },
    t: () => write("tag"),
    n: () => write("note"),
    c: () => follow("a.context"),
    "/": () => {
      const field = main().querySelector(".filter input:not([type=hidden])");
      if (field) {
        field.focus();
        field.select();
      }
    },
    "?": () => document.getElementById("keys-help").showModal(),
  };

  // Whoever speaks to the machine, or hits keys by chance, can do without (WCAG 2.2, success criterion 2.1.4).
  const OFF = "brokenseal-keys-off";
  const off = () => localStorage.getItem(OFF) !== null;

  function offerSwitch() {
    for (const place of document.querySelectorAll(".keys-switch")) {
      const button = document.createElement("button");
      button.type = "button";
      const label = () => { button.textContent = off() ? "Switch the keys on" : "Switch the keys off"; };
      button.addEventListener("click", () => {
        if (off()) localStorage.removeItem(OFF);
        else localStorage.setItem(OFF, "1");
        label();
      });
      label();
      place.replaceChildren(button);
    }
  }
  offerSwitch();

  document.addEventListener("keydown", (event) => {
    if (off()) return;
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || document.querySelector("dialog[open]")) return;
    const target = event.target;
    const writing = target instanceof HTMLElement && target.matches("input, textarea, select");
    if (event.key === "Escape") {
      if (writing) target.blur();
      else back();
      return;
    }
    if (writing) return;
    if (event.key === "Enter" && current() && !target.closest("a, button, summary")) {
      follow("a.open");
      return;
    }
    const work = KEYS[event.key];
    if (work) {
      event.preventDefault();
      work();
    }
  });

  document.addEventListener("focusin", (event) => {
    const row = event.target instanceof Element && event.target.closest("[data-row]");
    if (row && row !== current()) {
      if (current()) current().classList.remove("current");
      row.classList.add("current");
    }
  });

  // A page that was opened to write a tag or a note begins in that field.
  if (location.hash === "#tag" || location.hash === "#note") write(location.hash.slice(1));
})();
