"use strict";
// Under the pointer: one moment in every plot of an episode, on its map, and the picture nearest to it.
for (const episode of document.querySelectorAll(".episode")) {
  const charts = [...episode.querySelectorAll("svg.time")];
  const movers = [...episode.querySelectorAll(".map .mover")];
  const times = (episode.querySelector(".map .ego")?.dataset.t ?? "").split(" ").map(Number);
  const shots = [...episode.querySelectorAll("figure.shot")];
  const nearest = (list, key, t) => list.reduce((best, item) => Math.abs(key(item) - t) < Math.abs(key(best) - t) ? item : best, list[0]);

  const read = (line, d, x) => {
    const point = nearest([...line.points], (p) => p.x, x);
    const value = +d.v0 + (point.y - d.y0) / (d.y1 - d.y0) * (d.v1 - d.v0);
    return `${line.dataset.name} ${value.toFixed(d.v1 - d.v0 < 1 ? 3 : 2)}`;
  };

  const show = (t) => {
    for (const chart of charts) {
      const d = chart.dataset, x = +d.x0 + t / d.t1 * (d.x1 - d.x0);
      const cursor = chart.querySelector(".cursor");
      cursor.setAttribute("x1", x);
      cursor.setAttribute("x2", x);
      const values = [...chart.querySelectorAll(".line")].map((line) => read(line, d, x));
      chart.parentNode.querySelector(".readout").textContent = `${t.toFixed(1)} s: ${values.join(", ")} ${d.unit}`;
    }
    const index = times.indexOf(nearest(times, Number, t));
    for (const mover of movers) {
      const point = mover.querySelector(".way").points[index], here = mover.querySelector(".here");
      here.setAttribute("cx", point.x);
      here.setAttribute("cy", point.y);
    }
    const near = shots.length ? nearest(shots, (s) => s.dataset.t, t) : null;
    shots.forEach((s) => s.classList.toggle("near", s === near));
  };

  for (const chart of charts) {
    chart.addEventListener("pointermove", (event) => {
      const box = chart.getBoundingClientRect(), d = chart.dataset;
      const x = (event.clientX - box.left) / box.width * chart.viewBox.baseVal.width;
      show(Math.min(Math.max((x - d.x0) / (d.x1 - d.x0), 0), 1) * d.t1);
    });
  }
  shots.forEach((s) => s.addEventListener("pointerenter", () => show(+s.dataset.t)));
}
