// The listening page: the areas, what is on air in each, and one play button for each.

import { Player } from "./player.js";

const WORDS = {
  vi: {
    title: "Loa · Truyền thanh",
    tagline: "Truyền thanh trên Internet",
    other: "English",
    search: "Tìm địa bàn",
    volume: "Âm lượng",
    play: "Nghe",
    stop: "Dừng nghe",
    live: "ĐANG PHÁT trực tiếp",
    file: "Bản tin",
    relay: "Tiếp sóng",
    silence: "Chưa có chương trình",
    connecting: "Đang kết nối…",
    playing: "Đang nghe",
    waiting: "Mất kết nối, đang thử lại…",
    stopped: "",
    empty: "Chưa có địa bàn nào.",
    nothing: "Không tìm thấy địa bàn nào.",
    offline: "Mất kết nối với máy chủ, đang thử lại…",
  },
  en: {
    title: "Loa · Radio",
    tagline: "Community radio on the Internet",
    other: "Tiếng Việt",
    search: "Find an area",
    volume: "Volume",
    play: "Listen",
    stop: "Stop listening",
    live: "ON AIR live",
    file: "Bulletin",
    relay: "Relay",
    silence: "No programme now",
    connecting: "Connecting…",
    playing: "Listening",
    waiting: "Disconnected, trying again…",
    stopped: "",
    empty: "There are no areas yet.",
    nothing: "No area has this name.",
    offline: "The server cannot be reached, trying again…",
  },
};
const POLL_MS = 5000;
const MANY = 12; // from so many areas on there is a search field

const find = (id) => document.getElementById(id);
const remembered = () => { try { return localStorage.getItem("language"); } catch { return null; } };
const plain = (name) =>
  name.toLowerCase().replaceAll("đ", "d").normalize("NFD").replace(/\p{M}/gu, "");

let language = remembered() === "en" ? "en" : "vi";
let areas = [];
let reachable = true;
let loaded = false;
let playing = null; // the path of what is being heard
const rows = new Map();
const wanted = new URLSearchParams(location.search).get("way"); // for tests: a way to play
const player = new Player(() => draw(), wanted ?? undefined);
window.loaPlayer = player;

const say = (word) => WORDS[language][word];

function toggle(area) {
  if (playing === area.path) {
    playing = null;
    player.stop();
  } else {
    playing = area.path;
    player.play(area.stream);
  }
  draw();
}

function makeRow(area) {
  const row = document.createElement("li");
  row.className = "area";
  row.dataset.path = area.path;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "play";
  const body = document.createElement("div");
  const parts = { row, button, area };
  for (const [tag, name] of [["h2", "name"], ["p", "place"], ["p", "air"], ["p", "state"]]) {
    parts[name] = document.createElement(tag);
    parts[name].className = name;
    body.append(parts[name]);
  }
  parts.badge = document.createElement("span");
  parts.programme = document.createElement("span");
  parts.air.append(parts.badge, parts.programme);
  parts.state.setAttribute("role", "status");
  button.addEventListener("click", () => toggle(parts.area));
  row.append(button, body);
  return parts;
}

const put = (node, text) => { if (node.textContent !== text) node.textContent = text; };

function drawRow(parts, area) {
  const mine = playing === area.path;
  parts.area = area;
  parts.row.classList.toggle("playing", mine);
  parts.button.setAttribute("aria-label", `${say(mine ? "stop" : "play")}: ${area.name}`);
  put(parts.name, area.name);
  put(parts.place, area.description);
  put(parts.badge, say(area.on_air.kind) ?? "");
  parts.badge.className = `badge ${area.on_air.kind}`;
  put(parts.programme, area.on_air.title ? ` · ${area.on_air.title}` : "");
  put(parts.state, mine ? say(player.state) : "");
}

function draw() {
  document.documentElement.lang = language;
  document.title = say("title");
  put(find("tagline"), say("tagline"));
  put(find("language"), say("other"));
  find("language").lang = language === "vi" ? "en" : "vi";
  put(find("search-text"), say("search"));
  put(find("volume-text"), say("volume"));
  find("search-label").hidden = areas.length < MANY;

  const words = plain(find("search").value).split(/\s+/).filter(Boolean);
  const shown = areas.filter((area) => {
    const name = plain(`${area.name} ${area.path}`);
    return words.every((word) => name.includes(word));
  });
  const list = find("areas");
  const rowsShown = shown.map((area) => {
    if (!rows.has(area.path)) rows.set(area.path, makeRow(area));
    drawRow(rows.get(area.path), area);
    return rows.get(area.path).row;
  });
  // Only what changed place is moved, so that focus stays where it is.
  rowsShown.forEach((row, index) => {
    if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
  });
  while (list.children.length > rowsShown.length) list.lastElementChild.remove();

  let notice = "";
  if (!reachable) notice = say("offline");
  else if (loaded && !areas.length) notice = say("empty");
  else if (loaded && !shown.length) notice = say("nothing");
  if (loaded || !reachable) put(find("notice"), notice);
}

async function poll() {
  try {
    const response = await fetch("/api/v1/mounts", { cache: "no-store" });
    if (!response.ok) throw new Error(response.status);
    areas = (await response.json()).mounts;
    loaded = reachable = true;
  } catch {
    reachable = false;
  }
  draw();
  setTimeout(poll, POLL_MS * (0.9 + Math.random() / 5));
}

find("language").addEventListener("click", () => {
  language = language === "vi" ? "en" : "vi";
  try { localStorage.setItem("language", language); } catch { /* private mode */ }
  draw();
});
find("search").addEventListener("input", draw);
find("volume").addEventListener("input", (event) => { player.volume = Number(event.target.value); });
poll();
