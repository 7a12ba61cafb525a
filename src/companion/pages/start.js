
"use strict";
const go = document.getElementById("go");
const next = new URL(go.href);
const rd = next.searchParams.get("rd");
if (rd !== null && location.hash.length > 1 && !rd.includes("#")) {
  next.searchParams.set("rd", rd + location.hash);
  go.href = next.href;
}
location.replace(go.href);
