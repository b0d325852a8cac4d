const theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
for (const data of document.querySelectorAll("figure > script")) {
  const options = { actions: false, ast: true, renderer: "svg", tooltip: { theme } };
  vegaEmbed(data.previousElementSibling, JSON.parse(data.text), options);
}
