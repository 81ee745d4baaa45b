(function () {
  "use strict";
  var first = Number(document.currentScript.getAttribute("data-seconds"));
  var key = "sessiongate " + location.pathname + location.search;
  var tries = 0;
  try {
    var kept = JSON.parse(sessionStorage.getItem(key));
    var how = performance.getEntriesByType("navigation")[0].type;
    if (kept && how === "reload" && Date.now() - kept.at < 600000) {
      tries = kept.tries;
    }
  } catch (e) {
    tries = 2; // nothing can be counted: be patient from the start
  }
  var due = Date.now() + 1000 * Math.min(first * Math.pow(2, Math.min(tries, 7)), 120);
  function show() {
    var seconds = Math.max(0, Math.round((due - Date.now()) / 1000));
    document.querySelectorAll("[data-reload-seconds]").forEach(function (place) {
      place.textContent = seconds;
    });
  }
  document.addEventListener("DOMContentLoaded", show);
  setInterval(show, 1000);
  setTimeout(function () {
    try {
      sessionStorage.setItem(key, JSON.stringify({tries: tries + 1, at: Date.now()}));
    } catch (e) {} // as above
    location.reload();
  }, due - Date.now());
})();
