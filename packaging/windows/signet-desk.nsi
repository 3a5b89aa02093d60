; The installer of Signet Desk for Windows, for all users of a machine. Made by build.sh, which names VERSION, FILES, OUT
; and, where the firm wants it, WEBVIEW2 (Microsoft's bootstrapper).
;
;   signet-desk-VERSION-setup.exe /S [/D=C:\FOLDER]     silent
;   uninstall.exe /S                                     silent; keys, settings and history stay
;
; Exit status: 0 done, 1 cancelled, 2 not done (the text is in the window, or in %TEMP%\signet-setup.log when silent).

; 64 bits only, as the desk is.
Target amd64-unicode
Unicode true
ManifestDPIAware true
RequestExecutionLevel admin
SetCompressor /SOLID lzma
Name "Signet Desk"
OutFile "${OUT}"
InstallDir "$PROGRAMFILES64\Signet Desk"
InstallDirRegKey HKLM "Software\Signet\Desk" "Folder"
ShowInstDetails nevershow
ShowUninstDetails nevershow
!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\SignetDesk"
!define WEBVIEW2_ID "{F3017226-FE2A-4295-8BDF-00C3A9A7E4C5}"

VIProductVersion "${VERSION}.0"
VIAddVersionKey "ProductName" "Signet Desk"
VIAddVersionKey "FileDescription" "Installer of Signet Desk"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "CompanyName" "Signet"
VIAddVersionKey "LegalCopyright" "Apache-2.0"

!include "LogicLib.nsh"
!include "WordFunc.nsh"
!include "x64.nsh"
Page directory
Page instfiles
UninstPage uninstConfirm
UninstPage instfiles

; Stops with a text and an exit status.
!macro Stop text
  ${If} ${Silent}
    FileOpen $9 "$TEMP\signet-setup.log" w
    FileWrite $9 "${text}$\r$\n"
    FileClose $9
  ${Else}
    MessageBox MB_OK|MB_ICONSTOP "${text}"
  ${EndIf}
  SetErrorLevel 2
  Quit
!macroend

Function .onInit
  ${IfNot} ${RunningX64}
    !insertmacro Stop "Signet Desk needs 64-bit Windows 10 or newer."
  ${EndIf}
  SetRegView 64
  ; An older version is not put over a newer one.
  ReadRegStr $0 HKLM "${UNINSTALL}" "DisplayVersion"
  ${If} $0 != ""
    ${VersionCompare} "$0" "${VERSION}" $1
    ${If} $1 == 1
      !insertmacro Stop "Signet Desk $0 is installed, which is newer than ${VERSION}. Remove it first if the older one is wanted."
    ${EndIf}
  ${EndIf}
FunctionEnd

Section
  SetRegView 64
  SetShellVarContext all
  ; A program that runs cannot be replaced, and an open RFQ must not be cut.
  IfFileExists "$INSTDIR\signet-desk.exe" 0 free
  ClearErrors
  FileOpen $0 "$INSTDIR\signet-desk.exe" a
  IfErrors 0 closed
    !insertmacro Stop "Signet Desk is running. Close it, then start this again."
  closed:
  FileClose $0
  free:

  SetOutPath "$INSTDIR"
  File "${FILES}\signet-desk.exe"
  File "${FILES}\WebView2Loader.dll"
  File "${FILES}\LICENSE.txt"
  File "${FILES}\NOTICE.txt"
  WriteUninstaller "$INSTDIR\uninstall.exe"

  WriteRegStr HKLM "Software\Signet\Desk" "Folder" "$INSTDIR"
  WriteRegStr HKLM "${UNINSTALL}" "DisplayName" "Signet Desk"
  WriteRegStr HKLM "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKLM "${UNINSTALL}" "Publisher" "Signet"
  WriteRegStr HKLM "${UNINSTALL}" "DisplayIcon" "$INSTDIR\signet-desk.exe"
  WriteRegStr HKLM "${UNINSTALL}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKLM "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKLM "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKLM "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD HKLM "${UNINSTALL}" "NoRepair" 1

  ; Links signet://rfq fill the ticket and send nothing.
  WriteRegStr HKLM "Software\Classes\signet" "" "URL:Signet RFQ"
  WriteRegStr HKLM "Software\Classes\signet" "URL Protocol" ""
  WriteRegStr HKLM "Software\Classes\signet\shell\open\command" "" '"$INSTDIR\signet-desk.exe" "%1"'
  CreateShortcut "$SMPROGRAMS\Signet Desk.lnk" "$INSTDIR\signet-desk.exe"

  ReadRegStr $0 HKLM "SOFTWARE\WOW6432Node\Microsoft\EdgeUpdate\Clients\${WEBVIEW2_ID}" "pv"
  ${If} $0 == ""
  ${OrIf} $0 == "0.0.0.0"
    !ifdef WEBVIEW2
      File "/oname=$PLUGINSDIR\webview2.exe" "${WEBVIEW2}"
      ExecWait '"$PLUGINSDIR\webview2.exe" /silent /install' $1
      ${If} $1 != 0
        !insertmacro Stop "Signet Desk is installed, but Microsoft's WebView2 is not (status $1). Install it, then start the desk."
      ${EndIf}
    !else
      DetailPrint "Microsoft's WebView2 runtime is not on this machine. Signet Desk needs it to open its window."
    !endif
  ${EndIf}
SectionEnd

; Keys, certificates, settings and the signed history belong to the traders, and stay.
Section "Uninstall"
  SetRegView 64
  SetShellVarContext all
  ClearErrors
  Delete "$INSTDIR\signet-desk.exe"
  IfErrors 0 gone
    !insertmacro Stop "Signet Desk is running. Close it, then start this again."
  gone:
  Delete "$INSTDIR\WebView2Loader.dll"
  Delete "$INSTDIR\LICENSE.txt"
  Delete "$INSTDIR\NOTICE.txt"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  Delete "$SMPROGRAMS\Signet Desk.lnk"
  DeleteRegKey HKLM "Software\Classes\signet"
  DeleteRegKey HKLM "${UNINSTALL}"
  DeleteRegValue HKLM "Software\Signet\Desk" "Folder"
  DeleteRegKey /ifempty HKLM "Software\Signet\Desk"
  DeleteRegKey /ifempty HKLM "Software\Signet"
SectionEnd
