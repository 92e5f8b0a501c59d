// Live parts of a page: polled only while somebody looks, honest when the server is silent,
// and announced to screen readers only when something changed. Menus close at a click elsewhere.
"use strict";

(function () {
  const announcer = document.getElementById("announcer");
  const stale = document.getElementById("stale");
  const staleSince = document.getElementById("stale-since");
  let announced = announcementIn(document);
  let lastAnswer = new Date();

  function announcementIn(root) {
    const source = root.querySelector("[data-announce]");
    return source ? source.dataset.announce : "";
  }

  document.body.addEventListener("htmx:beforeRequest", function (event) {
    if (document.hidden) {
      event.preventDefault();
    }
  });

  function closeMenus(except) {
    document.querySelectorAll(".menu[open]").forEach(function (menu) {
      if (menu !== except) {
        menu.open = false;
      }
    });
  }

  document.addEventListener("click", function (event) {
    closeMenus(event.target.closest(".menu"));
  });

  document.addEventListener("keydown", function (event) {
    const open = document.querySelector(".menu[open]");
    if (event.key === "Escape" && open) {
      closeMenus(null);
      open.querySelector("summary").focus();
    }
  });

  document.addEventListener("visibilitychange", function () {
    if (!document.hidden) {
      document.querySelectorAll(".live").forEach(function (part) {
        window.htmx.trigger(part, "wake");
      });
    }
  });

  document.body.addEventListener("htmx:afterSwap", function () {
    const text = announcementIn(document);
    if (text !== announced) {
      announced = text;
      announcer.textContent = text;
    }
  });

  document.body.addEventListener("htmx:afterRequest", function (event) {
    if (event.detail.successful) {
      lastAnswer = new Date();
      stale.hidden = true;
      document.body.classList.remove("is-stale");
    } else if (stale.hidden) {
      staleSince.textContent = lastAnswer.toLocaleTimeString(document.documentElement.lang, {
        timeZone: "Europe/Belgrade",
      });
      stale.hidden = false;
      document.body.classList.add("is-stale");
    }
  });
})();
