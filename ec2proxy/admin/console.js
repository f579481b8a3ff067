// Keeps the page true: each event brings the HTML of the parts that changed, escaped by the server.
"use strict";
const live = document.getElementById("live");
const source = new EventSource("events");
source.addEventListener("parts", (event) => {
  for (const [id, html] of Object.entries(JSON.parse(event.data))) {
    const part = document.getElementById(id);
    // Where somebody selects or tabs, the part waits: it would be lost under their hands.
    const busy = part.contains(document.activeElement) || (getSelection().type === "Range" && getSelection().containsNode(part, true));
    if (busy) continue;
    const before = [...part.querySelectorAll(".scroll")].map((box) => [box.scrollTop, box.scrollLeft]);
    part.innerHTML = html;
    [...part.querySelectorAll(".scroll")].forEach((box, index) => {
      if (before[index]) [box.scrollTop, box.scrollLeft] = before[index];
    });
  }
  live.textContent = "live";
  live.className = "on";
});
source.addEventListener("error", () => {
  live.textContent = "connection lost; what you see is old";
  live.className = "off";
});
