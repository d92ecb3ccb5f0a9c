(() => {
  const page = document, tip = page.createElement("div");
  let of = null, put = null, leaving = 0;
  tip.className = "tip noprint";
  tip.setAttribute("role", "tooltip");
  tip.id = "tip";
  tip.hidden = true;
  page.body.append(tip);
  // What a row, a cell or a dot says of itself stands in its title, which needs no script and is read by no keyboard.
  const all = [...page.querySelectorAll("tr[title], td[title], svg g > title")].map((held) => {
    const one = held.localName === "title" ? held.parentNode : held;
    one.dataset.says = held.localName === "title" ? held.textContent : held.title;
    if (held === one) one.removeAttribute("title"); else held.remove();
    return one;
  });
  const centre = (one) => { const { left, right, top, bottom } = one.getBoundingClientRect(); return [(left + right) / 2, (top + bottom) / 2]; };
  const hide = () => {
    clearTimeout(leaving);
    leaving = 0;
    of?.removeAttribute("aria-describedby");
    of = null;
    tip.hidden = true;
  };
  const show = (one, x) => {
    hide();
    of = one;
    tip.textContent = one.dataset.says;
    tip.hidden = false;
    const box = one.getBoundingClientRect(), most = page.documentElement.clientWidth - tip.offsetWidth - 8;
    const over = box.top - tip.offsetHeight - 2;
    tip.style.left = `${Math.max(8, Math.min(x - tip.offsetWidth / 2, most)) + scrollX}px`;
    tip.style.top = `${(over > 0 ? over : box.bottom + 2) + scrollY}px`;
    if (!one.hasAttribute("aria-label")) one.setAttribute("aria-describedby", tip.id);
  };
  // Pointed at: what lies under the pointer, or the nearest dot. It may be pointed at itself, and stays.
  const under = ({ target, clientX, clientY }) => {
    const one = target.closest?.("[data-says]"), drawing = target.closest?.(".cell a, .series");
    if (one || !drawing) return one;
    const away = (dot) => { const [x, y] = centre(dot); return Math.hypot(x - clientX, y - clientY); };
    const near = [...drawing.querySelectorAll("[data-says]")].sort((a, b) => away(a) - away(b))[0];
    return near && away(near) < 14 ? near : null;
  };
  page.addEventListener("pointermove", (event) => {
    const one = tip.contains(event.target) ? of : under(event);
    if (one) { clearTimeout(leaving); leaving = 0; }
    if (one !== put) put = null;
    if (one && one !== of && one !== put) show(one, event.clientX);
    if (!one && of && of !== page.activeElement) leaving ||= setTimeout(hide, 250);
  });
  page.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !of) return;
    put = of;
    hide();
  });
  // By keyboard: a table or drawing is one stop, arrows lead through what it holds.
  const steps = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
  const groups = new Map();
  all.forEach((one) => {
    const group = one.closest(".cell") ? null : one.closest("table, .series");
    if (group) groups.set(group, [...groups.get(group) || [], one]);
  });
  groups.forEach((own, group) => {
    const wide = own.filter((one) => one.localName === "td" && one.parentNode === own[0].parentNode).length || 1;
    if (group.localName === "svg") {
      group.removeAttribute("aria-hidden");
      group.setAttribute("role", "group");
      own.forEach((one) => { one.setAttribute("role", "img"); one.setAttribute("aria-label", one.dataset.says); });
    }
    own.forEach((one, place) => {
      one.tabIndex = place ? -1 : 0;
      one.addEventListener("focus", () => show(one, centre(one.querySelector(".mark:not(.before), .ref") || one)[0]));
      one.addEventListener("blur", hide);
      one.addEventListener("keydown", (event) => {
        const [down, right] = steps[event.key] || [];
        const to = own[event.key === "Home" ? 0 : event.key === "End" ? own.length - 1 : place + (down * wide || right)];
        if (!to) return;
        event.preventDefault();
        own.forEach((other) => { other.tabIndex = other === to ? 0 : -1; });
        to.focus();
      });
    });
  });
  // A cell of the matrix is a link of its own: arrows lead through its dots, from left to right.
  page.querySelectorAll(".cell a").forEach((cell) => {
    const own = all.filter((one) => cell.contains(one)).sort((a, b) => centre(a)[0] - centre(b)[0]);
    let place = -1;
    cell.addEventListener("blur", () => { place = -1; hide(); });
    cell.addEventListener("keydown", (event) => {
      const [, right] = steps[event.key] || [];
      if (!right || !own.length) return;
      event.preventDefault();
      place = (place + right + own.length + (place < 0 && right < 0)) % own.length;
      show(own[place], centre(own[place])[0]);
    });
  });
})();
