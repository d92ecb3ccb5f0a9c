(() => {
  const page = document, readout = page.getElementById("readout"), pick = page.getElementById("pick");
  const said = page.getElementById("said"), parts = (key) => key.split(" & ");
  // A cell of the matrix that is pointed at or focused tells all its slices in the line below.
  if (readout) page.querySelectorAll(".cell a").forEach((cell) => {
    const show = () => { readout.textContent = cell.dataset.full; }, hide = () => { readout.textContent = readout.dataset.hint; };
    [["mouseenter", show], ["focus", show], ["mouseleave", hide], ["blur", hide]].forEach(([event, run]) => cell.addEventListener(event, run));
  });
  // What is printed is its key, whatever is pointed at.
  if (readout) addEventListener("beforeprint", () => { readout.textContent = readout.dataset.hint; });
  // One slice, and the crossings that it is part of, followed through every chart and table.
  const drawn = [...page.querySelectorAll("[data-slice]")], keys = new Set(drawn.map((one) => one.dataset.slice));
  if (keys.size > 1) {
    pick.closest(".filter").hidden = false;
    pick.addEventListener("change", () => {
      const wanted = pick.value ? parts(pick.value) : [];
      let n = 0;
      page.body.classList.toggle("follow", wanted.length > 0);
      drawn.forEach((one) => {
        const hit = wanted.length > 0 && wanted.every((part) => parts(one.dataset.slice).includes(part));
        one.classList.toggle("hit", hit);
        n += hit;
      });
      said.textContent = wanted.length ? said.dataset.one.replace("{slice}", pick.selectedOptions[0].text).replace("{n}", n) : said.dataset.all;
    });
  }
  // The contents say where one is.
  const links = new Map([...page.querySelectorAll("nav a[href^='#']")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => entries.forEach((entry) => {
    const link = links.get(entry.target.id);
    if (!link || !entry.isIntersecting) return;
    links.forEach((other) => other.removeAttribute("aria-current"));
    link.setAttribute("aria-current", "true");
  }), { rootMargin: "-30% 0px -60% 0px" });
  page.querySelectorAll("main > section, main > div").forEach((part) => seen.observe(part));
})();
