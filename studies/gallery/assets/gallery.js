// The curves of a study's page.
gatewise.upToDate = () => true;
gatewise.buildCurves();
document.documentElement.dataset.ready = "yes";
