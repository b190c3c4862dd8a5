// The passage that a result leads to comes into view, and the reading goes on from there.

const passage = document.getElementById("passage");
const rail = document.querySelector(".rail details");

if (rail && matchMedia("(max-width: 860px)").matches) rail.open = false;
rail?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });

if (passage && (location.hash === "#passage" || !location.hash)) {
  passage.tabIndex = -1;
  passage.focus({ preventScroll: true });
  passage.scrollIntoView({ block: "center", behavior: "instant" });
}
