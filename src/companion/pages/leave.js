
"use strict";
document.getElementById("leave").submit();
