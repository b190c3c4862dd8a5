// A dot of the map opens its document; the lists below the map do so without scripts.
document.querySelector("svg.map")?.addEventListener("click", (event) => {
  const where = event.target.closest?.("[data-address]")?.dataset.address;
  if (where) location.assign(where);
});
